/**
 * The engine's own worker, under vitest: its server wraps every dynamic import by a function that it installs in pages only.
 */
import '../../../client/engine/worker.ts';

Object.assign(globalThis, { __vitest_browser_runner__: { wrapDynamicImport: <T>(load: () => T): T => load() } });
