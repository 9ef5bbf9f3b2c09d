// The server says that the board has changed. The page asks for the list then, with its own cookie: what a
// member may see and do is decided where every other request is decided.

const list = document.getElementById("notices");
let delay = 500;

async function refresh() {
  const answer = await fetch("/list");
  if (answer.ok) list.innerHTML = await answer.text();
}

function connect() {
  const socket = new WebSocket(`${location.protocol.replace("http", "ws")}//${location.host}/live`);
  // What has changed while there was no connection is in the list, too.
  socket.addEventListener("open", () => { delay = 500; refresh(); });
  socket.addEventListener("message", refresh);
  // Each page waits for another while, so that they do not all come back at once.
  socket.addEventListener("close", () => {
    setTimeout(connect, delay * (0.5 + Math.random()));
    delay = Math.min(2 * delay, 30000);
  });
}

connect();
