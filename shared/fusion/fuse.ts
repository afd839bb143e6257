/** The rewrite that makes any exported denoiser (or text encoder) a fusing one. */
import { DiptychError } from '../errors.ts';
import type { LayerEntry } from '../manifest.ts';
import { GraphBuilder } from '../onnx/builder.ts';
import { type Graph, type GraphValue, int, type Model, type Node } from '../onnx/ir.ts';
import { emitAdded, emitMerged, mergesIntoWeight } from './applied-layer.ts';
import { CRITERIA } from './criteria/criteria.ts';
import { factorInput, FUSION } from './interface.ts';
import type { CriterionName, Measuring } from '../rules.ts';
import { emitMeasured } from './measured-layer.ts';
import { findSites, type Site } from './sites.ts';

/** What the fused layers do: measure both LoRAs and choose, or apply whatever factors they are fed. */
export type LayerForm = (Measuring & { measures: CriterionName }) | 'apply';

export interface FusedModel {
  model: Model;
  /** The fused layers, in the order of the rows of `fusion.table` and `fusion.distances`. */
  layers: FusedLayer[];
}

/** A fused layer, and the number of axes of its output. */
export type FusedLayer = LayerEntry & { rank: number };

/**
 * Fuses two LoRAs into the layers named by `modules`; every other layer stays as it is. The graph must be normalised: the shape of
 * each layer's output is read from `valueInfo`. The inputs and outputs that it gains are described in `interface.ts`.
 *
 * @throws DiptychError `graph_unsupported` if a module is not a layer of the graph, or its shape is not known.
 */
export function fuse(model: Model, modules: readonly string[], form: LayerForm): FusedModel {
  if (modules.length === 0) return { model, layers: [] };
  const sites = sitesOf(model.graph, modules);
  const graph = copyGraph(model.graph);
  const builder = new GraphBuilder(graph, model.opsets.get('') ?? 0);
  const distances = new Rewrite(graph, builder, sites, form).run();
  const layers = sites.map((site): FusedLayer => ({ ...site.layer, rank: dimsOf(model.graph, site).length }));
  graph.inputs.push(...layers.flatMap(factorInputs));
  if (form !== 'apply') {
    graph.inputs.push(float32Value(FUSION.table, [3, layers.length]), float32Value(FUSION.gates, [2, 2]));
    graph.outputs.push(float32Value(FUSION.distances, [layers.length, 2]));
    emitDistances(builder, distances);
    graph.nodes.push(...builder.nodes);
  }
  return { model: { ...model, graph }, layers };
}

function sitesOf(graph: Graph, modules: readonly string[]): Site[] {
  const wanted = new Set(modules);
  const sites = findSites(graph).filter((site) => wanted.delete(site.layer.module));
  if (wanted.size === 0) return sites;
  const missing = [...wanted];
  throw new DiptychError(
    'graph_unsupported',
    `the graph has no Linear or Conv layer named ${missing[0]!}${missing.length > 1 ? ` (and ${missing.length - 1} more)` : ''}`,
    { missing },
  );
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

/** One walk over the nodes: each site gets what its form needs before and after it. */
class Rewrite {
  readonly #graph: Graph;
  readonly #builder: GraphBuilder;
  readonly #sites: readonly Site[];
  readonly #form: LayerForm;
  readonly #distances: string[] = [];

  constructor(graph: Graph, builder: GraphBuilder, sites: readonly Site[], form: LayerForm) {
    this.#graph = graph;
    this.#builder = builder;
    this.#sites = sites;
    this.#form = form;
  }

  /** Puts the rewritten nodes in the graph. Returns the names of the layers' distances, if they are measured. */
  run(): string[] {
    const merged = new Map(this.#sites.filter((site) => this.#merges(site)).map((site) => [site.node, site]));
    const branched = new Map(this.#sites.flatMap((site, row) => (this.#merges(site) ? [] : [[site.last, { site, row }] as const])));
    const nodes: Node[] = [];
    for (const original of this.#graph.nodes) {
      let node = original;
      const change = merged.get(original);
      if (change) {
        this.#builder.scope(`${change.layer.module}/fusion`);
        node = emitMerged(this.#builder, this.#graph, change);
        nodes.push(...this.#builder.nodes.splice(0));
      }
      const branch = branched.get(original);
      if (branch) {
        node = { ...node, outputs: [`${branch.site.layer.module}/fusion/base`] };
        this.#emit(branch.site, branch.row, node.outputs[0]!);
      }
      nodes.push(node, ...this.#builder.nodes.splice(0));
    }
    this.#graph.nodes = nodes;
    return this.#distances;
  }

  #merges(site: Site): boolean {
    return this.#form === 'apply' && mergesIntoWeight(site, dimsOf(this.#graph, site));
  }

  #emit(site: Site, row: number, base: string): void {
    this.#builder.scope(`${site.layer.module}/fusion`);
    const place = { row, dims: dimsOf(this.#graph, site), base, output: site.output };
    if (this.#form === 'apply') emitAdded(this.#builder, site, place);
    else {
      const criterion = CRITERIA[this.#form.measures](this.#form);
      this.#distances.push(emitMeasured(this.#builder, site, place, { ...this.#form, criterion }));
    }
  }
}

function dimsOf(graph: Graph, site: Site): number[] {
  const type = graph.valueInfo.get(site.output) ?? graph.outputs.find((value) => value.name === site.output)?.type;
  if (type?.dims?.every((dim) => typeof dim === 'number')) return type.dims;
  throw new DiptychError(
    'graph_unsupported',
    `the shape of layer ${site.layer.module} is not known; normalise the graph before fusing it`,
    { module: site.layer.module },
  );
}

/** Every layer's pair in one table, so that one small tensor a run tells all choices. */
function emitDistances(builder: GraphBuilder, distances: string[]): void {
  builder.scope('fusion');
  const flat = builder.add('Concat', 'distances.flat', distances, { axis: int(0) });
  builder.add('Reshape', 'distances', [flat, builder.int64s([distances.length, 2])], {}, FUSION.distances);
}

/** The rank of `up` tells whether one set of factors is fed or two, so its shape stays open. */
function factorInputs(layer: FusedLayer): GraphValue[] {
  const rank = `rank.${layer.module}`;
  const down = layer.kind === 'linear' ? [layer.in, rank] : [rank, layer.in, ...layer.kernel];
  return [float32Value(factorInput(layer.module, 'down'), down), { name: factorInput(layer.module, 'up'), type: { dataType: 'float32' } }];
}

const float32Value = (name: string, dims: (number | string)[]): GraphValue => ({ name, type: { dataType: 'float32', dims } });
