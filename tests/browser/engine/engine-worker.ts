/**
 * The engine's own worker, under vitest: its server wraps every dynamic import by a function that it installs in pages only.
 */
// oxlint-disable-next-line import/no-unassigned-import -- a worker's script exports nothing
import '../../../client/engine/worker.ts';

Object.assign(globalThis, { __vitest_browser_runner__: { wrapDynamicImport: <T>(load: () => T): T => load() } });
