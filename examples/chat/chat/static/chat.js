// Messages are inserted as text and never as HTML: use textContent, not innerHTML.

const SHOWN = 500;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30000;

// The server's close code for errors that another attempt would not fix.
const POLICY_VIOLATION = 1008;

const enter = document.getElementById("enter");
const say = document.getElementById("say");
const messages = document.getElementById("messages");
const people = document.getElementById("people");
const state = document.getElementById("state");
const {text} = say.elements;
const send = say.querySelector("button");

const room = new URLSearchParams(location.search).get("room") ?? "";
const name = localStorage.getItem("name") ?? "";

let socket;
let failures = 0;
// The number of the last message shown. After a reconnect, the server sends the later ones.
let last = 0;

function element(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

// <bdi>: a right-to-left name must not reorder the text beside it.
function showPeople(names) {
  people.replaceChildren(...names.map(one => element("li", element("bdi", one))));
}

function showMessage({id, name, text, written}) {
  if (id <= last) return;
  last = id;
  const when = new Date(written * 1000);
  const time = element("time", when.toLocaleTimeString([], {timeStyle: "short"}));
  time.dateTime = when.toISOString();
  const words = element("p", text);
  words.dir = "auto";
  const isAtEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 50;
  messages.append(element("li", element("strong", element("bdi", name)), " ", time, words));
  if (messages.children.length > SHOWN) messages.firstElementChild.remove();
  // Keep the position of a reader who has scrolled back.
  if (isAtEnd) messages.scrollTop = messages.scrollHeight;
}

function complain(form, words) {
  form.querySelector("output").textContent = words;
}

function take(message) {
  switch (message.type) {
    case "messages":
      message.messages.forEach(showMessage);
      break;
    case "people":
      // Reset only now: a server that accepts and then closes must not be retried at the shortest delay.
      failures = 0;
      state.textContent = "";
      send.disabled = text.readOnly;
      showPeople(message.names);
      break;
    case "said":
      text.value = "";
      complain(say, "");
      setSending(false);
      break;
    case "problem":
      complain(say, message.text);
      setSending(false);
      break;
  }
}

// Keep the text until the server has answered, so that a lost connection does not lose it.
function setSending(isSending) {
  text.readOnly = send.disabled = isSending;
}

function connect() {
  const url = new URL(`/rooms/${encodeURIComponent(room)}`, location.href);
  url.protocol = url.protocol.replace("http", "ws");
  url.search = new URLSearchParams({name, after: last});
  socket = new WebSocket(url);
  socket.addEventListener("message", event => take(JSON.parse(event.data)));
  socket.addEventListener("close", event => comeBack(event.code, event.reason));
}

// Double the delay after each failure, and randomize it, so that clients do not all reconnect at once when the
// server is back.
function comeBack(code, reason) {
  setSending(false);
  send.disabled = true;
  showPeople([]);
  if (code === POLICY_VIOLATION) {
    showForm(reason);
    return;
  }
  const longest = Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** failures);
  failures += 1;
  state.textContent = "Not connected. Trying again …";
  setTimeout(connect, longest * (0.5 + Math.random() / 2));
}

function showForm(problem) {
  document.getElementById("room").hidden = true;
  enter.hidden = false;
  enter.elements["name"].value = name;
  enter.elements["room-name"].value = room || "lobby";
  complain(enter, problem);
}

function showRoom() {
  document.getElementById("room").hidden = false;
  document.getElementById("room-title").textContent = room;
  document.title = `${room} – Chat`;
  state.textContent = "Connecting …";
  connect();
}

// The form loads this page with the room in its query. The name stays in the browser.
enter.addEventListener("submit", () => localStorage.setItem("name", enter.elements["name"].value));

say.addEventListener("submit", event => {
  event.preventDefault();
  if (send.disabled || socket.readyState !== WebSocket.OPEN) return;
  socket.send(JSON.stringify({text: text.value}));
  setSending(true);
});

if (/^[\p{L}\p{N}_]([\p{L}\p{N}_ \-]{0,38}[\p{L}\p{N}_])?$/u.test(room) && name) {
  showRoom();
} else {
  showForm("");
}
