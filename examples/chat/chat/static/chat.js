// What people wrote gets into the page as text and never as HTML: textContent, and no innerHTML.

const SHOWN = 500;
const FIRST_DELAY = 500;
const LONGEST_DELAY = 30000;

// What the server closes with where it would be the same the next time.
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
// The number of the last message that is shown: whoever comes back is sent what came after it.
let last = 0;

function element(tag, ...children) {
  const made = document.createElement(tag);
  made.append(...children);
  return made;
}

// The name of one who writes from right to left does not turn around what stands beside it.
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
  // Who has scrolled back to read is left there.
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
      // Only now: a server that takes one in and turns one out again is not to be asked faster and faster.
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

// Until the server has answered, the text stays where it is: it is still there when the connection is lost.
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

// Each time that it fails, twice as long is waited, and never as long as others wait: when a server comes
// back, its clients do not all come at once.
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

// The form asks for this page with the room in its query; the name is nobody else's affair.
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
