/** The rewrite that makes any exported denoiser (or text encoder) a fusing one. */
import { DiptychError } from '../errors.ts';
import { type LayerEntry, LORA_KINDS } from '../manifest.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { type Graph, type GraphValue, int, type Model, type Node } from '../onnx/ir.ts';
import { factorInput, FUSION } from './interface.ts';
import { emitControls, emitLayer } from './layer.ts';
import { findSites, type Site } from './sites.ts';

export interface FusedModel {
  model: Model;
  /** The fused layers, in the order of the rows of `fusion.kl`, `fusion.choice` and `fusion.gates`. */
  layers: LayerEntry[];
}

/**
 * Fuses two LoRAs into the layers named by `modules`; every other layer stays as it is. The graph must be normalised: the rank of
 * each layer's output is read from `valueInfo`. The inputs and outputs that it gains are described in `interface.ts`.
 *
 * @throws DiptychError `graph_unsupported` if a module is not a layer of the graph, or its shape is not known.
 */
export function fuse(model: Model, modules: readonly string[]): FusedModel {
  if (modules.length === 0) return { model, layers: [] };
  const wanted = new Set(modules);
  const sites = findSites(model.graph).filter((site) => wanted.delete(site.layer.module));
  if (wanted.size > 0) {
    const missing = [...wanted];
    throw new DiptychError(
      'graph_unsupported',
      `the graph has no Linear or Conv layer named ${missing[0]!}${missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''}`,
      { missing },
    );
  }
  const graph = copyGraph(model.graph);
  const builder = new GraphBuilder(graph, model.opsets.get('') ?? 0);
  const shared = emitControls(builder);
  const bySiteEnd = new Map(sites.map((site, row) => [site.last, { site, row }]));
  const rows: { kl: string; gates: string }[] = [];
  const nodes: Node[] = builder.nodes.splice(0);
  for (const node of graph.nodes) {
    const found = bySiteEnd.get(node);
    if (!found) {
      nodes.push(node);
      continue;
    }
    const base = `${found.site.layer.module}/fusion/base`;
    const place = { row: found.row, rank: rankOf(graph, found.site), base, output: found.site.output };
    rows.push(emitLayer(builder, found.site, place, shared));
    nodes.push({ ...node, outputs: [base] }, ...builder.nodes.splice(0));
  }
  emitTables(builder, rows);
  graph.nodes = [...nodes, ...builder.nodes];
  const layers = sites.map((site) => site.layer);
  graph.inputs.push(...addedInputs(layers));
  graph.outputs.push(...[FUSION.kl, FUSION.choice].map((name) => float32Value(name, [layers.length, 2])));
  return { model: { ...model, graph }, layers };
}

function copyGraph(graph: Graph): Graph {
  return {
    ...graph,
    initializers: new Map(graph.initializers),
    inputs: [...graph.inputs],
    outputs: [...graph.outputs],
    valueInfo: new Map(graph.valueInfo),
  };
}

function rankOf(graph: Graph, site: Site): number {
  const type = graph.valueInfo.get(site.output) ?? graph.outputs.find((value) => value.name === site.output)?.type;
  if (type?.dims) return type.dims.length;
  throw new DiptychError(
    'graph_unsupported',
    `the shape of layer ${site.layer.module} is not known; normalise the graph before fusing it`,
    { module: site.layer.module },
  );
}

/** Every layer's pair in one table, so that one small tensor a run tells all choices. */
function emitTables(builder: GraphBuilder, rows: { kl: string; gates: string }[]): void {
  builder.scope('fusion');
  const kl = builder.add(
    'Concat',
    'kl.flat',
    rows.map((row) => row.kl),
    { axis: int(0) },
  );
  builder.add('Reshape', 'kl', [kl, builder.int64s([rows.length, 2])], {}, FUSION.kl);
  builder.add(
    'Concat',
    'gates',
    rows.map((row) => row.gates),
    { axis: int(0) },
    FUSION.choice,
  );
}

function addedInputs(layers: LayerEntry[]): GraphValue[] {
  const controls = [
    float32Value(FUSION.strengths, [2]),
    float32Value(FUSION.select, [layers.length, 1]),
    float32Value(FUSION.gates, [layers.length, 2]),
  ];
  const factors = layers.flatMap((layer) =>
    LORA_KINDS.flatMap((kind) => {
      const rank = `rank.${kind}.${layer.module}`;
      const [down, up] =
        layer.kind === 'linear'
          ? [
              [layer.in, rank],
              [rank, layer.out],
            ]
          : [
              [rank, layer.in, ...layer.kernel],
              [layer.out, rank, 1, 1],
            ];
      return [float32Value(factorInput(kind, layer.module, 'down'), down), float32Value(factorInput(kind, layer.module, 'up'), up)];
    }),
  );
  return [...controls, ...factors];
}

const float32Value = (name: string, dims: (number | string)[]): GraphValue => ({ name, type: { dataType: 'float32', dims } });
