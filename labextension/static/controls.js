// Puts the values of a cell's controls into its code when the person presses "Write into the cell".
// The kernel's side: engee_kernel/controls/writers.py.

const TARGET = "engee_kernel.code";
const OURS = "engee_kernel";

function write(panel, { cell: id, before, after }) {
  const model = panel.content.widgets.find(cell => cell.model.id === id)?.model.sharedModel;
  if (model?.getSource() !== before) return false;   // it was edited, or is in another notebook
  model.setSource(after);
  return true;
}

// Offers the page to the panel's kernel: to each that it gets, and again to one that was restarted.
function serve(panel) {
  let kernel, comm;
  const offer = async () => {
    const mine = kernel;
    if (!mine?.handleComms || (await mine.info).implementation !== OURS || mine !== kernel) return;
    comm = mine.createComm(TARGET);
    comm.onMsg = ({ content: { data } }) => {
      comm.send({ request: data.request, written: write(panel, data) });
    };
    comm.open({});
  };
  const changed = () => {
    kernel?.statusChanged.disconnect(restarted);
    kernel = panel.isDisposed ? undefined : panel.sessionContext.session?.kernel;
    kernel?.statusChanged.connect(restarted);
    offer().catch(() => {});   // a kernel that ends before it has said what it is
  };
  const restarted = (_, status) => {
    if (["restarting", "autorestarting"].includes(status)) comm = undefined;
    else if (status === "idle" && !comm) offer().catch(() => {});
  };
  panel.sessionContext.kernelChanged.connect(changed);
  panel.disposed.connect(() => {
    panel.sessionContext.kernelChanged.disconnect(changed);
    changed();
  });
  changed();
}

export async function plugin(share) {
  const { INotebookTracker } = await share("@jupyterlab/notebook");
  return {
    id: "engee-kernel:controls",
    description: "Writes the values of a cell's controls into its code.",
    autoStart: true,
    requires: [INotebookTracker],
    activate: (_, tracker) => {
      tracker.forEach(serve);
      tracker.widgetAdded.connect((_, panel) => serve(panel));
    },
  };
}
