/**
 * Latent-level refinement as one graph (arXiv 2602.15539, section 3.3; `docs/method.md`, section 2):
 *
 *     L_m = 1 - cos(embedding_m(preprocess_m(decode(x0))), reference_m)
 *     g   = sum over m of  weight_m (dL_m / dx0) / rms(dL_m / dx0)
 *     x0' = x0 - eta g
 *
 * An embedding is the output of an image encoder, or the Gram matrix of one of its layers.
 */
import { gradient } from '../autodiff/gradient.ts';
import { plannedPeak } from '../autodiff/planned-peak.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { int, type Graph, type GraphValue, type Model } from '../onnx/ir.ts';
import { normalise } from '../onnx/normalise.ts';
import { raiseOpset } from '../onnx/raise-opset.ts';
import { splice } from '../onnx/splice.ts';
import { emitEmbeddings } from './embeddings.ts';
import { emitPreprocess, type Preprocessing } from './preprocess.ts';

/** Inputs and outputs of the graph, all float32; M is the name of a metric. */
export const GUIDANCE = {
  /** [1, C, h, w], the predicted clean latent. */
  x0: 'x0',
  /** [1]: length of the step. */
  eta: 'eta',
  /** [1, width], of any length: the embedding to come near to. */
  reference: (metric: string): string => `reference.${metric}`,
  /** [1] */
  weight: (metric: string): string => `weight.${metric}`,
  /** Output [1, C, h, w]: x0'. */
  guided: 'guided',
  /** Output [1, C, h, w]: g. */
  direction: 'direction',
  /** Output []: cos(embedding, reference). */
  score: (metric: string): string => `score.${metric}`,
  /** Output [metrics]: all scores, in the order of the metrics, for one read. */
  scores: 'scores',
} as const;

/** How latents become a picture: the network [1, C, h, w] -> [1, 3, H, W], z * inputScale + inputShift is what it is fed, and the range of its output. */
export interface GuidanceDecoder {
  model: Model;
  inputScale: number;
  inputShift?: number;
  range: 'minus one to one' | 'zero to one';
}

/** One metric: a normalised image encoder [1, 3, H, W] -> [1, width], its first output. Metrics with the same `encoder` share its forward pass. */
export interface Metric {
  name: string;
  encoder: Model;
  preprocessing: Preprocessing;
  /** The value in the encoder whose Gram matrix is compared, in place of the encoder's output. */
  gramLayer?: string | undefined;
}

/** Bytes of activations that are no burden; a graph that takes more makes its cheap values again. */
const ROOMY = 1e9;

/**
 * The guidance graph of a decoder and its metrics, each normalised with fixed dims.
 *
 * @param recomputeAbove planned peak in bytes above which cheap values are made again in the backward pass
 * @throws DiptychError `graph_unsupported` where a network does not fit, or has an operator without a gradient
 */
export function guidanceGraph(decoder: GuidanceDecoder, metrics: readonly Metric[], recomputeAbove = ROOMY): Model {
  const forward = normalise(forwardGraph(decoder, metrics), {});
  const differentiated = (recompute: boolean) =>
    metrics.reduce(
      (model, { name }) => gradient(model, { loss: lossOf(name), inputs: [GUIDANCE.x0], prefix: `grad.${name}`, recompute }),
      forward,
    );
  const keeping = differentiated(false);
  const withGradients = plannedPeak(keeping.graph).bytes > recomputeAbove ? differentiated(true) : keeping;
  const graph = { ...withGradients.graph, initializers: new Map(withGradients.graph.initializers), nodes: [...withGradients.graph.nodes] };
  const builder = new GraphBuilder(graph, forward.opsets.get('')!);
  const terms = metrics.map(({ name }) => {
    builder.scope(`guidance/${name}`);
    return builder.add('Mul', 'term', [normalised(builder, `grad.${name}.${GUIDANCE.x0}`), GUIDANCE.weight(name)]);
  });
  builder.scope('guidance');
  const sum = terms.reduce((total, term, k) => builder.add('Add', `sum.${k}`, [total, term]));
  builder.add('Identity', 'direction', [sum], {}, GUIDANCE.direction);
  builder.add('Sub', 'guided', [GUIDANCE.x0, builder.add('Mul', 'step', [sum, GUIDANCE.eta])], {}, GUIDANCE.guided);
  const scores = metrics.map(({ name }) => builder.unsqueeze(`score.${name}`, GUIDANCE.score(name), [0]));
  builder.add('Concat', 'scores', scores, { axis: int(0) }, GUIDANCE.scores);
  graph.nodes.push(...builder.nodes);
  const dims = graph.inputs[0]!.type.dims!;
  graph.inputs = [...graph.inputs, value(GUIDANCE.eta, [1]), ...metrics.map(({ name }) => value(GUIDANCE.weight(name), [1]))];
  graph.outputs = [
    value(GUIDANCE.guided, dims),
    value(GUIDANCE.direction, dims),
    ...metrics.map(({ name }) => value(GUIDANCE.score(name), [])),
    value(GUIDANCE.scores, [metrics.length]),
  ];
  return { ...withGradients, graph };
}

const lossOf = (metric: string): string => `loss.${metric}`;
const value = (name: string, dims: readonly (number | string)[]): GraphValue => ({ name, type: { dataType: 'float32', dims: [...dims] } });

/** x0 to a score and a loss for each metric. */
function forwardGraph(decoder: GuidanceDecoder, metrics: readonly Metric[]): Model {
  const latent = decoder.model.graph.inputs[0]!;
  const opsets = sharedOpsets([decoder.model, ...metrics.map(({ encoder }) => encoder)]);
  const raised = (model: Model) => raiseOpset(model, opsets.get(''));
  const graph: Graph = {
    name: 'guidance',
    nodes: [],
    initializers: new Map(),
    inputs: [value(GUIDANCE.x0, latent.type.dims!)],
    outputs: [],
    valueInfo: new Map(),
  };
  const builder = new GraphBuilder(graph, opsets.get('')!);
  builder.scope('guidance/decoder');
  const scaled = builder.add('Mul', 'scaled', [GUIDANCE.x0, builder.floats([1], [decoder.inputScale])]);
  const shifted = decoder.inputShift ? builder.add('Add', 'shifted', [scaled, builder.floats([1], [decoder.inputShift])]) : scaled;
  place(graph, builder);
  const [image] = splice(graph, raised(decoder.model), 'decoder', { [latent.name]: shifted }).values();
  const [, , height, width] = decoder.model.graph.outputs[0]!.type.dims as number[];
  builder.scope('guidance/picture');
  const picture =
    decoder.range === 'zero to one'
      ? builder.add('Sub', 'signed', [builder.add('Mul', 'doubled', [image!, builder.floats([1], [2])]), builder.floats([1], [1])])
      : image!;
  for (const [encoder, sharing] of Map.groupBy(metrics, (metric) => metric.encoder)) {
    const [{ name: first, preprocessing }] = sharing as [Metric];
    builder.scope(`guidance/${first}/pixels`);
    const pixels = emitPreprocess(builder, picture, { height: height!, width: width! }, preprocessing);
    place(graph, builder);
    for (const [k, { value: embedding, width }] of emitEmbeddings(
      graph,
      builder,
      raised(encoder),
      `encoder.${first}`,
      pixels,
      sharing,
    ).entries()) {
      const { name } = sharing[k]!;
      graph.inputs.push(value(GUIDANCE.reference(name), [1, width]));
      builder.scope(`guidance/${name}/loss`);
      emitLoss(builder, name, embedding);
      place(graph, builder);
      graph.outputs.push(value(lossOf(name), []), value(GUIDANCE.score(name), []));
    }
  }
  return { irVersion: 8, producer: 'diptych', opsets, metadata: new Map(), graph };
}

function place(graph: Graph, builder: GraphBuilder): void {
  graph.nodes.push(...builder.nodes.splice(0));
}

/** The first operator set in which `Unsqueeze` takes axes as an input, as the emitted parts have it. */
const AXES_ARE_INPUTS = 13;

/** One graph has one operator set a domain: the newest of its parts'. */
function sharedOpsets(models: readonly Model[]): Map<string, number> {
  const newest = new Map([['', AXES_ARE_INPUTS]]);
  for (const [domain, version] of models.flatMap((model) => [...model.opsets]))
    newest.set(domain, Math.max(newest.get(domain) ?? version, version));
  return newest;
}

/** Keeps lengths of zero from dividing. */
const LEAST = 1e-12;

function emitLoss(builder: GraphBuilder, name: string, embedding: string): void {
  const reference = GUIDANCE.reference(name);
  const sum = (label: string, values: string) => builder.reduce('ReduceSum', label, values, [0, 1], false);
  const length = (label: string, of: string) =>
    builder.add('Sqrt', `length.${label}`, [sum(`squares.${label}`, builder.add('Mul', `square.${label}`, [of, of]))]);
  const dot = sum('dot', builder.add('Mul', 'products', [embedding, reference]));
  const lengths = builder.add('Mul', 'lengths', [length('embedding', embedding), length('reference', reference)]);
  const cos = builder.add(
    'Div',
    'cos',
    [dot, builder.add('Max', 'lengths.safe', [lengths, builder.floats([], [LEAST])])],
    {},
    GUIDANCE.score(name),
  );
  builder.add('Sub', 'loss', [builder.floats([], [1]), cos], {}, lossOf(name));
}

/** A gradient over its root mean square. */
function normalised(builder: GraphBuilder, gradientName: string): string {
  const squares = builder.add('Mul', 'squares', [gradientName, gradientName]);
  const mean = builder.reduce('ReduceMean', 'mean', squares, [0, 1, 2, 3], true);
  const rms = builder.add('Max', 'rms', [builder.add('Sqrt', 'root', [mean]), builder.floats([1], [LEAST])]);
  return builder.add('Div', 'unit', [gradientName, rms]);
}
