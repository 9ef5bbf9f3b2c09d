// What the page does beyond a form and a list: entries of others appear as they are written, and while a
// picture is sent, a bar says how far it is. Without this script the form is posted and the page comes anew.

const entries = document.getElementById("entries");

// The server makes an entry by the template that it makes the page by: what guests wrote is text in it.
function show(html) {
  const template = document.createElement("template");
  template.innerHTML = html;
  const entry = template.content.firstElementChild;
  if (document.getElementById(entry.id)) return;
  entry.classList.add("new");
  entries.prepend(entry);
  document.getElementById("empty").hidden = true;
}

// Only the page of the newest entries says where events come from. A browser that has lost the connection
// comes back by itself, and says which entry it had last.
function listen() {
  const source = new EventSource(entries.dataset.events);
  source.addEventListener("open", () => document.documentElement.dataset.live = "true");
  source.addEventListener("entry", event => show(event.data));
}

// The answer is a page, as it is without a script; the form is taken from it: an empty one, or one that
// says what is wrong. A picture that nothing is said against need not be chosen again.
function replace(form, answer) {
  const next = answer.getElementById("sign");
  const {picture} = form.elements;
  form.replaceWith(next);
  if (next.querySelector(".problem") && !next.querySelector("#picture-problem")) {
    next.elements.picture.replaceWith(picture);
  }
  (next.querySelector("[aria-invalid]") ?? next.elements.message).focus();
  return next;
}

function say(form, text) {
  form.querySelector("output").textContent = text;
}

function setSending(form, sending) {
  form.querySelector(".sending").hidden = !sending;
  form.querySelector("progress").value = 0;
  form.querySelector("button").disabled = sending;
}

function send(form) {
  const request = new XMLHttpRequest();
  request.open("POST", form.action);
  request.responseType = "document";
  request.upload.addEventListener("progress", event => {
    if (event.lengthComputable) form.querySelector("progress").value = 100 * event.loaded / event.total;
  });
  request.addEventListener("load", () => {
    setSending(form, false);
    if (request.response?.getElementById("sign")) {
      const next = replace(form, request.response);
      if (request.status === 200) say(next, "Thank you!");
    } else if (request.status === 413) {
      say(form, "That is too large.");
    } else {
      say(form, "Something went wrong. Nothing was stored.");
    }
  });
  request.addEventListener("error", () => {
    setSending(form, false);
    say(form, "The connection was lost. Please try again.");
  });
  say(form, "");
  setSending(form, true);
  request.send(new FormData(form));
}

// Both listen to the document, since the form is replaced.
document.addEventListener("submit", event => {
  event.preventDefault();
  send(event.target);
});

document.addEventListener("change", event => {
  const {files, dataset} = event.target;
  if (!files) return;
  const large = files[0]?.size > Number(dataset.limit);
  event.target.setCustomValidity(large ? "This picture is too large." : "");
});

if (entries.dataset.events) listen();
