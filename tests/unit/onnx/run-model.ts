/** Runs models in onnxruntime-node. */
import { InferenceSession, Tensor } from 'onnxruntime-node';
import type { Model } from '../../../shared/onnx/ir.ts';
import { writeModel } from '../../../shared/onnx/write.ts';

export interface Output {
  dims: readonly number[];
  type: string;
  data: ArrayLike<number | bigint>;
}

/** Without the runtime's own rewriting: what a pass did wrong must not be hidden by what the runtime changes. */
const PLAIN: InferenceSession.SessionOptions = { graphOptimizationLevel: 'disabled', logSeverityLevel: 3 };

export async function runModel(model: Model | Uint8Array, feeds: Record<string, Tensor>): Promise<Record<string, Output>> {
  const session = await InferenceSession.create(model instanceof Uint8Array ? model : writeModel(model), PLAIN);
  try {
    return (await session.run(feeds)) as unknown as Record<string, Output>;
  } finally {
    await session.release();
  }
}

/** Inputs for each fixture: the sizes of its README, and values that are neither constant nor symmetric. */
export const FIXTURE_DIMS: Record<string, Record<string, number[]>> = {
  'sd15-tiny/unet': { sample: [2, 4, 16, 16], timestep: [1], encoder_hidden_states: [2, 16, 32] },
  'sd15-tiny/text_encoder': { input_ids: [2, 16] },
  'sd15-tiny/vae_decoder': { latent_sample: [1, 4, 16, 16] },
  'sd15-tiny/tiny_decoder': { latent_sample: [1, 4, 16, 16] },
  'sd15-tiny/image_encoder_clip': { pixel_values: [1, 3, 32, 32] },
  'sd15-tiny/image_encoder_dino': { pixel_values: [1, 3, 32, 32] },
  'sd3-tiny/transformer': { hidden_states: [2, 4, 16, 16], encoder_hidden_states: [2, 10, 24], pooled_projections: [2, 20], timestep: [1] },
};

/** Smooth numbers for float inputs, counted ids for integer ones. */
export function feedsFor(model: Model, dims: Record<string, number[]>): Record<string, Tensor> {
  return Object.fromEntries(
    model.graph.inputs.map(({ name, type }) => {
      const shape = dims[name]!;
      const count = shape.reduce((a, b) => a * b, 1);
      if (type.dataType === 'int64')
        return [
          name,
          new Tensor(
            'int64',
            BigInt64Array.from({ length: count }, (_, i) => BigInt((i * 7 + 3) % 40)),
            shape,
          ),
        ];
      return [
        name,
        new Tensor(
          'float32',
          Float32Array.from({ length: count }, (_, i) => Math.sin(i * 1.7) + 0.2 * Math.cos(i * 0.31)),
          shape,
        ),
      ];
    }),
  );
}

export function largestDifference(a: Output, b: Output): number {
  if (a.data.length !== b.data.length) return Infinity;
  return Array.from(a.data).reduce((max: number, x, i) => Math.max(max, Math.abs(Number(x) - Number(b.data[i]))), 0);
}
