/** Classifier-free guidance and the parametrisation of the network, in the graph: latents need not leave the device between steps. */
import { DiptychError } from '../errors.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { type GraphValue, int, type Model } from '../onnx/ir.ts';

/** The inputs that a guided denoiser has in place of its latents: all float32; `x` [1, C, H, W], the others [1]. One of batch 1 has no `guidance_scale`. */
export const GUIDED = { x: 'x', cIn: 'c_in', cSkip: 'c_skip', cOut: 'c_out', scale: 'guidance_scale', x0: 'x0' } as const;

const LATENT_INPUTS = ['sample', 'hidden_states'];
const FLOAT = { float32: int(1), float16: int(10) };

/**
 * Wraps a denoiser F of batch 2 (row 0 unconditional, row 1 conditional) so that one run is one call of `denoise(x, sigma) -> x0`:
 *
 *     F_k = F(c_in x)_k,   x0 = c_skip x + c_out (F_0 + guidance_scale (F_1 - F_0))
 *
 * (Ho & Salimans 2022, arXiv 2207.12598; c_in, c_skip, c_out as in Karras et al. 2022, arXiv 2206.00364, table 1.) One of batch 1 has the
 * conditional row alone, which is what distilled models want: x0 = c_skip x + c_out F.
 *
 * @throws DiptychError `graph_unsupported` if the graph has no latent input of batch 1 or 2.
 */
export function guidedDenoiser(model: Model): Model {
  const latent = model.graph.inputs.find((input) => LATENT_INPUTS.includes(input.name));
  const prediction = model.graph.outputs[0];
  const batch = latent?.type.dims?.[0];
  if (!latent?.type.dims || (batch !== 1 && batch !== 2) || !prediction) {
    const reason = `the denoiser needs an input ${LATENT_INPUTS.join(' or ')} [1 or 2, channels, height, width]`;
    throw new DiptychError('graph_unsupported', reason, { input: latent?.name ?? null });
  }
  const graph = { ...model.graph, initializers: new Map(model.graph.initializers) };
  const builder = new GraphBuilder(graph, model.opsets.get('') ?? 0);
  builder.scope('guided');
  const float16 = latent.type.dataType === 'float16';
  const scaled = builder.add('Mul', 'scaled', [GUIDED.x, GUIDED.cIn]);
  const row = float16 ? builder.add('Cast', 'scaled16', [scaled], { to: FLOAT.float16 }) : scaled;
  if (batch === 1) builder.add('Identity', 'batch', [row], {}, latent.name);
  else builder.add('Concat', 'batch', [row, row], { axis: int(0) }, latent.name);
  const before = builder.nodes.splice(0);

  const output = float16 ? builder.add('Cast', 'prediction', [prediction.name], { to: FLOAT.float32 }) : prediction.name;
  const guided = batch === 1 ? output : classifierFree(builder, output);
  const skip = builder.add('Mul', 'skip', [GUIDED.x, GUIDED.cSkip]);
  builder.add('Add', 'x0', [skip, builder.add('Mul', 'out', [guided, GUIDED.cOut])], {}, GUIDED.x0);

  graph.nodes = [...before, ...graph.nodes, ...builder.nodes];
  const dims = [1, ...latent.type.dims.slice(1)];
  const value = (name: string, shape: (number | string)[]): GraphValue => ({ name, type: { dataType: 'float32', dims: shape } });
  graph.inputs = [
    value(GUIDED.x, dims),
    ...[GUIDED.cIn, GUIDED.cSkip, GUIDED.cOut, ...(batch === 1 ? [] : [GUIDED.scale])].map((name) => value(name, [1])),
    ...graph.inputs.filter((input) => input !== latent),
  ];
  graph.outputs = [value(GUIDED.x0, dims), ...graph.outputs.slice(1)];
  return { ...model, graph };
}

function classifierFree(builder: GraphBuilder, predictions: string): string {
  const [unconditional, conditional] = [0, 1].map((half) =>
    builder.add('Gather', `row${half}`, [predictions, builder.int64s([half])], { axis: int(0) }),
  );
  const direction = builder.add('Sub', 'direction', [conditional!, unconditional!]);
  return builder.add('Add', 'guided', [unconditional!, builder.add('Mul', 'push', [direction, GUIDED.scale])]);
}
