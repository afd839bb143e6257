/** The studio page: wiring only. */
import { STUDIO_CONFIG_ID, type StudioConfig } from '../../../shared/studio-config.ts';
import { connectEngine } from '../../engine/connect.ts';
import type { StudioOptions } from '../messages.ts';
import { refusesTracking, Telemetry } from '../telemetry.ts';
import { askForGeneration } from './admission.ts';
import { App, defineStudio } from './app.ts';
import { fetchCatalogue } from './catalogue.ts';
import { HostLink } from './host-link.ts';
import { toPng } from './png.ts';
import { randomSeed } from './recipe.ts';
import { Recorder } from './recorder.ts';
import { ORT_PATH, rememberRuntime, runtimeBytesMissing } from './runtime-files.ts';
import { StudioModel } from './studio-model.ts';

const config: StudioConfig = JSON.parse(document.getElementById(STUDIO_CONFIG_ID)!.textContent);
const telemetry = new Telemetry({
  send: (batch) => navigator.sendBeacon(config.telemetry, new Blob([JSON.stringify(batch)], { type: 'application/json' })),
  now: () => performance.now(),
  randomUuid: () => crypto.randomUUID(),
});
const host = new HostLink({
  window,
  origins: config.origins,
  onOptions: setOptions,
  onGenerate: () => void model.generateForHost(),
  onCancel: () => void model.cancel(),
});
const model = new StudioModel({
  connect: () => connectEngine({ workerUrl: '/embed/assets/engine.js', site: config.site, edge: location.origin, ortPath: ORT_PATH }),
  fetchCatalogue: () => fetchCatalogue(config.site, (...request) => fetch(...request)),
  admit: () => askForGeneration(config.generations, (...request) => fetch(...request)),
  toPng,
  runtimeBytesMissing,
  rememberRuntime,
  recorder: new Recorder(telemetry, () => performance.now()),
  host,
  firstSeed: randomSeed(),
});

function setOptions(options: StudioOptions): void {
  document.documentElement.dataset.theme = options.theme ?? 'auto';
  telemetry.allow(options.telemetry !== 'off' && !refusesTracking(navigator));
  model.setOptions(options);
}

defineStudio();
const app = new App();
app.model = model;
document.body.append(app);
new ResizeObserver(() => host.resize(Math.ceil(app.getBoundingClientRect().height))).observe(app);
// The last chance to send: a page that is put away may never come back.
document.addEventListener('visibilitychange', () => document.visibilityState === 'hidden' && telemetry.flush());
void model.open();
