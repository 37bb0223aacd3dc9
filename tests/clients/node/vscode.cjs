// Does with the kernel what VS Code does, with the library that it uses, and prints what came as one JSON line.
//   node vscode.cjs path/to/kernel.json

const { spawn } = require("node:child_process");
const crypto = require("node:crypto");
const fs = require("node:fs");
const net = require("node:net");
const os = require("node:os");
const path = require("node:path");
const { KernelMessage, ServerConnection } = require("@jupyterlab/services");
const { KernelConnection } = require("@jupyterlab/services/lib/kernel/default");
const { socketClass } = require("./zmq_socket.cjs");

const LIMIT_MS = 90_000;
/** The metadata of a cell's request. */
const CELL = { cellId: "vscode-notebook-cell:/home/me/model.ipynb#W0sZmlsZQ%3D%3D" };
console.debug = () => {}; // the library says where it connects to

async function freePort() {
  const server = net.createServer();
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function launch(spec, folder) {
  const connection = { transport: "tcp", ip: "127.0.0.1", key: crypto.randomUUID(), signature_scheme: "hmac-sha256" };
  for (const channel of ["shell", "iopub", "stdin", "control", "hb"]) connection[`${channel}_port`] = await freePort();
  const file = path.join(folder, "connection.json");
  fs.writeFileSync(file, JSON.stringify(connection), { mode: 0o600 });
  const argv = spec.argv.map((word) => word.replace("{connection_file}", file));
  const child = spawn(argv[0], argv.slice(1), { env: { ...process.env, ...spec.env }, stdio: ["ignore", 2, 2] });
  return { connection, child };
}

function message(kernel, msgType, channel) {
  const { username, clientId: session } = kernel;
  return KernelMessage.createMessage({ msgType, channel, username, session, content: {} });
}

async function connected(kernel) {
  await new Promise((resolve) => {
    kernel.connectionStatusChanged.connect((_, status) => status === "connected" && resolve());
    if (kernel.connectionStatus === "connected") resolve();
  });
}

/** kernel_info on both channels, again every half second, until one is answered and iopub has said something. */
async function ready(kernel) {
  const started = Date.now();
  const onIopub = new Promise((resolve) => kernel.iopubMessage.connect(() => resolve()));
  let info;
  const answered = new Promise((resolve) => (info = resolve));
  const both = Promise.all([onIopub, answered]).then(() => true);
  for (let attempts = 1; ; attempts++) {
    const onControl = kernel.sendControlMessage(message(kernel, "kernel_info_request", "control"), true, true);
    onControl.done.then((reply) => reply && info(reply.content), () => {});
    kernel.requestKernelInfo().then((reply) => reply && info(reply.content), () => {});
    const pause = new Promise((resolve) => setTimeout(() => resolve(false), 500));
    if (await Promise.race([both, pause])) return { attempts, after_ms: Date.now() - started, info: await answered };
  }
}

async function run(kernel, code, onIopub = () => {}, answer) {
  const outputs = [];
  const future = kernel.requestExecute({ code, allow_stdin: true, stop_on_error: true }, true, CELL);
  future.onIOPub = ({ header, content }) => {
    if (header.msg_type !== "status") outputs.push({ type: header.msg_type, ...content });
    onIopub(header.msg_type);
  };
  future.onStdin = (request) => {
    outputs.push({ type: "input_request", ...request.content });
    kernel.sendInputReply({ value: answer, status: "ok" }, request.header);
  };
  const { content: reply } = await future.done;
  return { outputs, reply };
}

/** What VS Code would put into the editor: its offsets are JavaScript's, UTF-16. */
async function complete(kernel, before, after = "") {
  const code = before + after;
  const { content } = await kernel.requestComplete({ code, cursor_pos: before.length });
  const replaced = code.slice(content.cursor_start, content.cursor_end);
  const typed = content.metadata._jupyter_types_experimental;
  const shown = content.matches.filter((label) => isFound(replaced, label));
  return { replaced, matches: content.matches, shown, typed: typed.map((one) => [code.slice(one.start, one.end), one.text]) };
}

/** Its list has only labels in which what was typed is found, letter by letter. */
function isFound(typed, label) {
  let at = 0;
  for (const letter of label.toLowerCase()) if (letter === typed.toLowerCase()[at]) at++;
  return at === typed.length;
}

/** What it makes of a cell's messages: a stream that replaces an output keeps each state behind a carriage return. */
function drawn(outputs) {
  let shown = [];
  let clears = false;
  for (const { type, ...content } of outputs) {
    if (type === "clear_output") {
      clears = content.wait;
      if (!clears) shown = [];
    } else if (type === "stream") {
      const text = clears ? content.text.replaceAll("\r", "\n") : content.text;
      if (clears) shown = [];
      clears = false;
      const last = shown.at(-1);
      if (last?.name === content.name) last.text += text;
      else shown.push({ name: content.name, text });
    } else if (["display_data", "execute_result", "error"].includes(type)) {
      if (clears) shown = [];
      clears = false;
      // LaTeX before Markdown and HTML
      const order = ["text/latex", "text/html", "text/markdown", "text/plain"];
      shown.push({ type, mime: order.find((mime) => content.data?.[mime] !== undefined) });
    }
  }
  return shown.map((one) => (one.text === undefined ? one : { ...one, text: one.text.replace(/[^\n]*\r(?!\n)/g, "") }));
}

async function inspect(kernel, code, at) {
  const { content } = await kernel.requestInspect({ code, cursor_pos: code.indexOf(at) + at.length, detail_level: 0 });
  return { found: content.found, text: content.data["text/plain"] ?? "" };
}

async function interrupt(kernel) {
  let started;
  const running = new Promise((resolve) => (started = resolve));
  const cell = run(kernel, 'println("begun"); sleep(600)', (type) => type === "stream" && started());
  await running;
  const asked = Date.now();
  const control = kernel.sendControlMessage(message(kernel, "interrupt_request", "control"), true, true);
  const reply = await control.done; // the library's word for: the reply and idle have come
  const replied_after_ms = Date.now() - asked;
  const { reply: cellReply } = await cell;
  return { reply: reply.content, replied_after_ms, stopped_after_ms: Date.now() - asked, cell: cellReply };
}

/** A page with widgets: a slider is moved, then its value is written into the cell. */
async function controls(kernel) {
  const models = [];
  kernel.registerCommTarget("jupyter.widget", (comm, { content }) => {
    const model = { comm, state: content.data.state };
    comm.onMsg = (update) => Object.assign(model.state, update.content.data.state);
    models.push(model);
  });
  const named = (description) => models.find(({ state }) => state.description === description);
  const shown = () => models.find(({ state }) => state._model_name === "OutputModel").state.outputs;
  const code = '%%controls\ng = 9.8  # @param {type:"slider", min:0, max:20, step:0.1}\n2g';
  const first = await run(kernel, code);
  const before = shown();
  await named("g").comm.send({ method: "update", state: { value: 5 }, buffer_paths: [] }).done; // else it sends no more
  while (shown()[0]?.data["text/plain"] !== "10.0") await new Promise((resolve) => setTimeout(resolve, 20));
  const after = shown();
  await named("Write into the cell").comm.send({ method: "custom", content: { event: "click" } }).done;
  const { reply } = await run(kernel, code);
  return { view: first.outputs.find(({ type }) => type === "display_data").data, before, after, payload: reply.payload };
}

async function start(spec, folder) {
  const { connection, child } = await launch(spec, folder);
  const exited = new Promise((resolve) => child.on("exit", (code, signal) => resolve({ code, signal })));
  const serverSettings = ServerConnection.makeSettings({
    WebSocket: socketClass(connection),
    wsUrl: "RAW",
    serializer: { serialize: (data) => data, deserialize: (data) => data },
  });
  const model = { id: crypto.randomUUID(), name: "engee" };
  const [clientId, username] = [crypto.randomUUID(), crypto.randomUUID()];
  const kernel = new KernelConnection({ serverSettings, model, clientId, username, handleComms: true });
  try {
    await connected(kernel);
    return { kernel, child, exited, ready: await ready(kernel) };
  } catch (error) {
    child.kill();
    throw error;
  }
}

async function main() {
  const spec = JSON.parse(fs.readFileSync(process.argv[2], "utf-8"));
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "vscode-kernel-"));
  const result = { absolute: path.isAbsolute(spec.argv[0]) };
  const { kernel, child, exited, ...first } = await start(spec, folder);
  result.ready = first.ready;
  try {
    result.cell = await run(kernel, 'println("α🚀"); display("text/html", "<b>x</b>"); 6 * 7');
    result.failing = await run(kernel, "sqrt(-1)");
    result.after = await run(kernel, 'print("name? "); name = readline()', undefined, "Мир");
    result.help = await run(kernel, "%help %%job");
    result.complete = await complete(kernel, 'r = "🚀𝐱"; printst', "; 1");
    result.magic = await complete(kernel, "%%jo");
    result.inspect = await inspect(kernel, 'r = "🚀𝐱🚀𝐱🚀𝐱"; sqrt(2) + cos(1)', "sqrt");
    result.latex = await complete(kernel, "r = 1; \\alpha");
    result.bar = drawn((await run(kernel, String.raw`sleep(3.2); for i in 1:4; print("\r", i, "/4"); sleep(0.05); end`)).outputs);
    result.markdown = drawn((await run(kernel, "?sqrt")).outputs);
    result.controls = await controls(kernel);
    result.interrupt = await interrupt(kernel);
    result.last = await run(kernel, "6 * 9");
    await new Promise((resolve) => setTimeout(resolve, 100)); // the library tells of the cell's end before its own status
    result.status = kernel.status;
    const left = kernel.requestExecute({ code: 'println("begun"); sleep(30); "end"', allow_stdin: true, stop_on_error: false }, false, CELL);
    await new Promise((resolve) => (left.onIOPub = ({ header }) => header.msg_type === "stream" && resolve()));
    left.done.catch(() => {}); // it never comes
    kernel.dispose();
  } finally {
    const asked = Date.now();
    child.kill(); // as VS Code ends a kernel, on Restart too
    result.end = { ...(await exited), after_ms: Date.now() - asked };
  }
  const again = await start(spec, folder);
  try {
    result.restarted = await run(again.kernel, "1 + 1");
    again.kernel.dispose();
  } finally {
    again.child.kill();
    await again.exited;
    fs.rmSync(folder, { recursive: true });
  }
  console.log(JSON.stringify(result));
  process.exit(0);
}

setTimeout(() => {
  console.error("not done in time");
  process.exit(2);
}, LIMIT_MS).unref();
main().catch((error) => {
  console.error(error);
  process.exit(1);
});
