// A cell's output survives a reload of the page, a page that was closed, a computer that slept.
//
// The kernel keeps what each cell has published (engee_kernel/messages/transcripts.py) and tells it over a comm
// (engee_kernel/jupyter/pages.py). This page asks when it opens and after each reconnection. What it missed it shows
// by a future of its own, which it hands to the cell's output area in place of JupyterLab's: from there on the output
// area does what it always does, prompts and updates of displays included.
//
// The kernel's answers come among the cells' messages: what was sent before an answer is in it, what comes behind is
// not. So an answer is used at once, where it is heard (`anyMessage`), and nothing is doubled or out of order.

const TARGET = "engee_kernel.output";
const OURS = "engee_kernel";
const PUBLISHED = new Set([
  "stream", "display_data", "execute_result", "error", "update_display_data", "clear_output",
]);

const message = (kind, content, parent = {}) => ({
  header: { msg_id: "", msg_type: kind, session: "", username: "", date: "", version: "5.4" },
  parent_header: parent, metadata: {}, content, channel: "iopub", buffers: [],
});

// An execution that this page did not start, or has lost the thread of: what an output area needs of a
// Kernel.IShellFuture.
class Run {
  constructor(kernel, request, cell, code, ended) {
    this._kernel = kernel;
    this._ended = ended;
    this.cell = cell;
    this.count = null;
    this._hasAsked = false;
    this.isDisposed = false;
    this.isEnded = false;
    this.msg = { ...message("execute_request", { code }), channel: "shell" };
    this.msg.header.msg_id = request;
    this.done = new Promise(resolve => { this._done = resolve; });
    this.onIOPub = this.onReply = this.onStdin = () => {};
  }

  registerMessageHook() {}

  removeMessageHook() {}

  sendInputReply(content, parent) { this._kernel.sendInputReply(content, parent); }

  // Called by the output area when the cell is run anew or deleted.
  dispose() {
    this.isDisposed = true;
    this.onIOPub = this.onReply = this.onStdin = () => {};
    this._done();
    this._ended(this);
  }

  give(msg) { this.onIOPub(msg); }

  ask(msg) {
    this._hasAsked = this._kernel.hasPendingInput = true;
    this.onStdin(msg);
  }

  show(state, count) {
    const { model } = this.cell;
    const isEnded = state === "ended";
    if (!isEnded) model.executionCount = null;
    if ("executionState" in model) model.executionState = isEnded ? "idle" : "running";
    else this.cell.setPrompt(isEnded ? "" : "*");   // JupyterLab 4.2
    if (isEnded) model.executionCount = count;
  }

  end() {
    if (this.isEnded || this.isDisposed) return;
    this.isEnded = true;
    this.show("ended", this.count);
    if (this._hasAsked) this._kernel.hasPendingInput = false;
    this._done();
  }

  hear(msg) {
    const { msg_type: kind } = msg.header;
    if (kind === "execute_input") this.count = msg.content.execution_count;
    else if (kind === "status" && msg.content.execution_state === "idle") this.end();
    else if (PUBLISHED.has(kind)) this.give(msg);
  }
}

// One notebook's page and its kernel.
class Follower {
  constructor(panel, kernel, shared) {
    this._panel = panel;
    this._kernel = kernel;
    this._shared = shared;
    this._runs = new Map();       // request → its Run
    this._seen = new Map();       // request → which of its messages came here: how many, the newest
    this._questions = new Map();  // request → its prompt, come before its Run
    this._asked = new Map();      // id of a question to the kernel → what its answer goes to
    this._isReady = false;
    kernel.anyMessage.connect(this._hear, this);
    kernel.connectionStatusChanged.connect(this._connected, this);
    kernel.statusChanged.connect(this._changed, this);
    kernel.info.then(info => {
      if (info.implementation !== OURS) this.dispose();
      else if (!this.isDisposed) this._open();
    }, () => this.dispose());
  }

  dispose() {
    this.isDisposed = true;
    this._kernel.anyMessage.disconnect(this._hear, this);
    this._kernel.connectionStatusChanged.disconnect(this._connected, this);
    this._kernel.statusChanged.disconnect(this._changed, this);
  }

  // The person has cleared a cell's output: it must not come back.
  forget(cell) { if (this._isReady) this._ask({ forget: cell.model.id }, () => {}); }

  _open() {
    this._isReady = true;
    this._ask({}, answer => this._compare(answer.runs));
  }

  // What was sent to a page while it could not be reached is lost.
  _connected(_, status) { if (status === "connected" && this._isReady) this._open(); }

  _changed(_, status) {
    if (!["restarting", "autorestarting", "dead"].includes(status)) return;
    for (const run of this._runs.values()) run.end();
    this._runs.clear();
    this._seen.clear();
    this._questions.clear();
  }

  _ask(data, answered) {
    const { createMessage } = this._shared.services.KernelMessage;
    const { username, clientId } = this._kernel;
    const content = { comm_id: this._shared.coreutils.UUID.uuid4(), target_name: TARGET, data };
    const asked = createMessage({ msgType: "comm_open", channel: "shell", username, session: clientId, content });
    this._asked.set(asked.header.msg_id, answered);
    this._kernel.sendShellMessage(asked, false, true).done.catch(() => this._asked.delete(asked.header.msg_id));
  }

  _hear(_, { msg, direction }) {
    const request = msg.parent_header?.msg_id;
    if (direction !== "recv" || !request) return;
    const { msg_type: kind, msg_id: id } = msg.header;
    const run = this._runs.get(request);
    if (kind === "input_request") {
      if (run) run.ask(msg);
      else if (msg.parent_header.session !== this._kernel.clientId) this._questions.set(request, msg);
      return;
    }
    if (msg.channel !== "iopub") return;
    const isIdle = kind === "status" && msg.content.execution_state === "idle";
    if (this._asked.has(request)) {
      if (kind === "comm_msg") this._asked.get(request)(msg.content.data);
      if (isIdle) this._asked.delete(request);
    } else if (msg.parent_header.msg_type === "execute_request") {
      if (PUBLISHED.has(kind)) {
        const seen = this._seen.get(request) ?? { count: 0 };
        if (seen.last === id) return;
        this._seen.set(request, { count: seen.count + 1, last: id });
      }
      run?.hear(msg);
      if (isIdle) this._questions.delete(request);
      if (kind === "update_display_data") {   // the display may be another cell's
        for (const other of this._runs.values()) if (other !== run) other.give(msg);
      }
    }
  }

  _cell(run) {
    const { widgets } = this._panel.content;
    const cell = widgets.find(one => one.model.type === "code" && one.model.id === run.cell_id);
    return cell?.model.sharedModel.getSource() === run.code ? cell : undefined;
  }

  // Which runs does this page not show, or not all of?
  _compare(runs) {
    const wanted = [];
    for (const run of runs) {
      const cell = this._cell(run);
      if (!cell) continue;
      const isShown = cell.outputArea.future?.msg.header.msg_id === run.request;
      if (!isShown) {
        if (run.state === "queued") this._adopt(cell, run, []);
        else if (!(run.state === "ended" && run.cut && cell.model.executionCount === run.count)) wanted.push(run);
      } else if (!this._isComplete(run, cell)) wanted.push(run);
    }
    if (wanted.length) this._ask({ want: wanted.map(run => run.request) }, answer => this._place(answer.run));
  }

  _isComplete(run, cell) {
    const seen = this._seen.get(run.request) ?? { count: 0, last: "" };
    const hasEnded = cell.model.executionCount !== null;
    return seen.count === run.published && seen.last === run.last && hasEnded === (run.state === "ended");
  }

  _place(run) {
    const cell = this._cell(run);
    if (!cell) return;
    const { model } = this._panel.context;
    const wasDirty = model.dirty;
    const isSaved = run.state === "ended" && this._isInDocument(cell, run);
    if (isSaved) cell.model.trusted = true;
    // a display that may be updated yet has to be known here by its name
    if (isSaved && !run.messages.some(one => one.content.transient?.display_id)) return;
    this._adopt(cell, run, run.messages);
    if (isSaved) model.dirty = wasDirty;
  }

  // Whether the notebook as it was read has all of it.
  _isInDocument(cell, run) {
    if (cell.model.executionCount !== run.count) return false;
    const folded = new this._shared.outputs.OutputAreaModel({ trusted: true });
    const displays = new Map();
    for (const { kind, content } of run.messages) {
      const display = content.transient?.display_id;
      if (kind === "clear_output") folded.clear(content.wait);
      else if (kind === "update_display_data") {
        for (const at of displays.get(display) ?? []) {
          if (at < folded.length) folded.set(at, { ...content, output_type: "display_data" });
        }
      } else {
        const at = folded.add({ ...content, output_type: kind }) - 1;
        if (at === 0) displays.clear();
        if (display) displays.set(display, [...displays.get(display) ?? [], at]);
      }
    }
    const same = this._shared.coreutils.JSONExt.deepEqual(folded.toJSON(), cell.model.outputs.toJSON());
    folded.dispose();
    return same;
  }

  // Show a run from its beginning, and follow it.
  _adopt(cell, { request, code, state, count, published, last }, messages) {
    const run = new Run(this._kernel, request, cell, code, one => {
      if (this._runs.get(request) === one) this._runs.delete(request);
    });
    cell.model.trusted = true;   // made by the kernel that runs, as where JupyterLab runs a cell
    cell.outputArea.future = run;   // clears the output area; an earlier run of it disposes itself
    this._runs.set(request, run);
    this._seen.set(request, { count: published, last });
    run.count = count;
    run.isEnded = state === "ended";
    run.show(state, count);
    for (const { kind, content } of messages) run.give(message(kind, content, run.msg.header));
    const question = this._questions.get(request);
    this._questions.delete(request);
    if (question) run.ask(question);
  }
}

// The follower of a panel's kernel, whichever that is.
function follow(panel, shared) {
  let follower;
  const changed = () => {
    follower?.dispose();
    const kernel = panel.sessionContext.session?.kernel;
    follower = kernel && !panel.isDisposed ? new Follower(panel, kernel, shared) : undefined;
  };
  const cleared = (_, { notebook, cell }) => { if (notebook === panel.content) follower?.forget(cell); };
  panel.sessionContext.kernelChanged.connect(changed);
  shared.notebook.NotebookActions.outputCleared.connect(cleared);
  panel.disposed.connect(() => {
    follower?.dispose();
    panel.sessionContext.kernelChanged.disconnect(changed);
    shared.notebook.NotebookActions.outputCleared.disconnect(cleared);
  });
  changed();
}

export async function plugin(share) {
  const [notebook, services, outputs, coreutils] = await Promise.all(
    ["@jupyterlab/notebook", "@jupyterlab/services", "@jupyterlab/outputarea", "@lumino/coreutils"].map(share));
  const shared = { notebook, services, outputs, coreutils };
  const followed = new Set();   // documents: a second view of one shows the same outputs

  const added = async (tracker, panel) => {
    const { context } = panel;
    if (followed.has(context)) return;
    followed.add(context);
    panel.disposed.connect(() => {
      followed.delete(context);
      const other = tracker.find(one => one.context === context && !one.isDisposed);
      if (other) added(tracker, other);
    });
    await context.ready;
    // where several people write into one document, one of their pages does already
    if (!panel.isDisposed && !context.model.collaborative) follow(panel, shared);
  };

  return {
    id: "engee-kernel:output",
    description: "Shows what cells put out while the page was closed, reloaded or not reachable.",
    autoStart: true,
    requires: [notebook.INotebookTracker],
    activate: (_, tracker) => {
      tracker.forEach(panel => added(tracker, panel));
      tracker.widgetAdded.connect((_, panel) => { added(tracker, panel); });
    },
  };
}
