"""
`python -m tests.mutation AREA`: every change of an area's files, and the share that its tests notice.

`python -m tests.mutation files [PATH ...]`: whether each product file's own tests notice any change of it.
"""

import sys

from tests.mutation import areas, files

if __name__ == "__main__":
    sys.exit(files.main(sys.argv[2:]) if sys.argv[1:2] == ["files"] else areas.main(sys.argv[1:]))
