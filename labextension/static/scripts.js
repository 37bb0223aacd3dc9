// Engee's scripts (.ngscript) as notebooks: a double click opens one with this kernel. They are notebooks by their
// form; the server saves them as scripts again (engee_kernel/jupyter/serverextension.py).

const SUFFIX = ".ngscript";

// The kernelspec of this kernel, whichever name it was installed under.
function ours(specs) {
  const all = Object.values(specs?.kernelspecs ?? {}).filter(spec => spec?.argv?.includes("engee_kernel"));
  return all.find(spec => spec.name === "engee") ?? all[0];
}

// A script names a kernel of Engee's own, and has 0, which is read as none, for the count of each cell that ran.
function prepare(model, specs) {
  const spec = ours(specs);
  const wasDirty = model.dirty;
  const named = model.getMetadata("kernelspec")?.name;
  if (spec && !specs.kernelspecs[named]?.argv?.includes("engee_kernel")) {
    model.setMetadata("kernelspec", { name: spec.name, display_name: spec.display_name, language: spec.language });
  }
  for (let at = 0; at < model.cells.length; at++) {
    const cell = model.cells.get(at);
    if (cell.type !== "code" || cell.executionCount) continue;
    const result = cell.outputs.toJSON().findLast(output => output.output_type === "execute_result");
    if (result?.execution_count) cell.executionCount = result.execution_count;
  }
  model.dirty = wasDirty;
}

export async function plugin() {
  return {
    id: "engee-kernel:scripts",
    description: "Opens Engee's scripts (.ngscript) as notebooks.",
    autoStart: true,
    activate: ({ docRegistry, serviceManager }) => {
      const { icon } = docRegistry.getFileType("notebook") ?? {};
      docRegistry.addFileType({
        name: "ngscript",
        displayName: "Engee script",
        extensions: [SUFFIX],
        contentType: "notebook",
        fileFormat: "json",
        mimeTypes: ["application/x-engee-script+json"],
        icon,
      }, ["Notebook"]);
      // before the notebook's kernel is chosen, which is behind the reading of the file
      docRegistry.addWidgetExtension("Notebook", {
        createNew: (_, context) => {
          if (!context.path.toLowerCase().endsWith(SUFFIX)) return;
          context.fileChanged.connect(() => prepare(context.model, serviceManager.kernelspecs.specs));
        },
      });
    },
  };
}
