import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';

const CHROMIUM = '/usr/lib/chromium';
const DRIVER = `${CHROMIUM}/vk_swiftshader_icd.json`;
/** Where Linux keeps the descriptions of installed GPU drivers. */
const SYSTEM_DRIVERS = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d'];

/**
 * On a Linux machine without a GPU driver, runs this same command again with Chromium's software adapter, and ends with its exit code.
 * The loader reads the environment when the process starts, so it cannot be set from within.
 */
export function useSoftwareVulkan(): void {
  if (process.platform !== 'linux' || process.env.VK_ICD_FILENAMES !== undefined) return;
  if (SYSTEM_DRIVERS.some((folder) => existsSync(folder)) || !existsSync(DRIVER)) return;
  process.stderr.write('No GPU driver is installed; using the software adapter of Chromium, which is slow.\n');
  const env = {
    ...process.env,
    VK_ICD_FILENAMES: DRIVER,
    LD_LIBRARY_PATH: [CHROMIUM, process.env.LD_LIBRARY_PATH].filter(Boolean).join(':'),
  };
  const { status } = spawnSync(process.execPath, process.argv.slice(1), { stdio: 'inherit', env });
  process.exit(status ?? 1);
}
