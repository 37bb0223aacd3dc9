// What JupyterLab loads: a module-federation container written by hand, so that nothing has to be built. It gives
// JupyterLab the plugins of the modules beside it. The version in this file's name keeps browsers from using an older
// one of their cache.
(() => {
  const here = document.currentScript.src;
  const version = new URL(here).pathname.match(/remoteEntry\.(.+)\.js$/)[1];
  let scope;

  // A package as JupyterLab itself uses it.
  const shared = async name => {
    const copies = Object.values(scope[name] ?? {});
    const copy = copies.find(one => one.loaded) ?? copies[0];
    if (!copy) throw new Error(`JupyterLab shares no ${name}`);
    return (await copy.get())();
  };

  const plugins = async () => {
    const modules = await Promise.all(["output.js", "scripts.js", "controls.js"].map(file => import(new URL(`${file}?${version}`, here))));
    return Promise.all(modules.map(module => module.plugin(shared)));
  };

  (window._JUPYTERLAB ??= {})["engee-kernel"] = {
    init: shares => { scope = shares; },
    get: async () => {
      const made = await plugins();
      return () => ({ __esModule: true, default: made });
    },
  };
})();
