import type { EngineEvent, FusionMap } from '../../../shared/protocol.ts';

type StepEvent = Extract<EngineEvent, { type: 'step' }>;

/** The map so far with one more step. The layers' names arrive only with the finished map; until then they are empty. */
export function appendStep(map: FusionMap | undefined, { distances, choice }: StepEvent): FusionMap {
  const before = map ?? { modules: Array.from(choice, () => ''), steps: 0, distances: new Float32Array(), choice: new Uint8Array() };
  return {
    modules: before.modules,
    steps: before.steps + 1,
    distances: Float32Array.of(...before.distances, ...distances),
    choice: Uint8Array.of(...before.choice, ...choice),
  };
}
