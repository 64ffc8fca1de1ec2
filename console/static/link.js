// A link's token is in the address's fragment, which no server gets before the button is pressed.
const token = location.hash.slice(1);
if (token) {
  document.getElementById("link-token").value = token;
  document.getElementById("by-hand").hidden = true;
}
