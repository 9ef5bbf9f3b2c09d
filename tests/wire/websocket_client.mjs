// Node's own WebSocket: it echoes, and prints what it was sent and how it was closed, as JSON.
const [url, size] = process.argv.slice(2);
const socket = new WebSocket(url, ["echo.v2", "echo.v1"]);
socket.binaryType = "arraybuffer";
const next = () => new Promise((resolve, reject) => {
  socket.onmessage = event => resolve(event.data);
  socket.onclose = event => reject(new Error(`closed with ${event.code}`));
});
await new Promise((resolve, reject) => {
  socket.onopen = resolve;
  socket.onerror = () => reject(new Error("it does not open"));
});
const { protocol, extensions } = socket;
socket.send("täxt");
const text = await next();
const bytes = new Uint8Array(Number(size)).map((_, index) => index % 251);
socket.send(bytes);
const echoed = new Uint8Array(await next());
const same = echoed.length === bytes.length && echoed.every((byte, index) => byte === bytes[index]);
const closed = new Promise(resolve => {
  socket.onclose = ({ code, reason, wasClean }) => resolve({ code, reason, wasClean });
});
socket.send("close");
console.log(JSON.stringify({ protocol, extensions, text, same, ...await closed }));
