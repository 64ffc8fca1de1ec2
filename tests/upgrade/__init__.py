"""The upgrade of docs/upgrading.md, on data of the release itself."""
