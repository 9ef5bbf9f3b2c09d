// The server only says that the board has changed. The page then fetches the list with its own cookie, so the
// same code decides here and everywhere else what a member sees.

const list = document.getElementById("notices");
let delay = 500;

async function refresh() {
  const answer = await fetch("/list");
  if (answer.ok) list.innerHTML = await answer.text();
}

function connect() {
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/live`);
  // The list also has what changed while the connection was down.
  socket.addEventListener("open", () => { delay = 500; refresh(); });
  socket.addEventListener("message", refresh);
  // Wait for a random time, so that not all pages reconnect at once.
  socket.addEventListener("close", () => {
    setTimeout(connect, delay * (0.5 + Math.random()));
    delay = Math.min(2 * delay, 30000);
  });
}

connect();
