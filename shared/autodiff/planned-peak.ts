/** How much memory a graph needs if its nodes run one after another in their order, each value freed after its last reader. */
import { byteLength } from '../onnx/data-type.ts';
import { type Graph, type Node, reads } from '../onnx/ir.ts';
import { valueTypes } from './value-types.ts';

export interface PlannedPeak {
  /** Of activations (inputs and outputs of the graph among them) that live at once, at most. */
  bytes: number;
  /** Of the initializers and of what is made of them alone, which runtimes compute as they load. Not among `bytes`. */
  weightBytes: number;
  /** The node that runs at the peak; '' for a graph without nodes. */
  node: string;
  /** What lives at the peak, largest first. A value and its aliases go by the name of the first. */
  live: { name: string; bytes: number }[];
  /** Values of unknown type, which count as nothing. */
  unknown: string[];
}

/**
 * A value lives from its node to its last reader, the outputs of the graph to the end, its inputs throughout. Reshapes and the like share
 * the memory of what they reshape. Nothing else is written in place, so a runtime that reuses inputs of elementwise nodes stays below.
 */
export function plannedPeak(graph: Graph): PlannedPeak {
  const owner = owners(graph);
  const types = valueTypes(graph);
  const constants = constantValues(graph);
  const bytesOf = (name: string): number => {
    const type = types.get(name);
    return type ? byteLength(type.dataType, type.dims) : 0;
  };
  const sizeOf = (name: string): number => (constants.has(name) ? 0 : bytesOf(name));
  const lastRead = lastReads(graph, owner);
  const live = new Map(graph.inputs.map(({ name }) => [name, sizeOf(name)]));
  let now = [...live.values()].reduce((sum, bytes) => sum + bytes, 0);
  let peak = { bytes: now, node: '', live: new Map(live) };
  for (const [step, node] of graph.nodes.entries()) {
    const made = node.outputs.filter((name) => name !== '' && !owner.has(name) && !constants.has(name));
    for (const name of made) live.set(name, sizeOf(name));
    now += made.reduce((sum, name) => sum + sizeOf(name), 0);
    if (now > peak.bytes) peak = { bytes: now, node: node.name, live: new Map(live) };
    for (const name of [...made, ...reads(node)]) {
      const kept = owner.get(name) ?? name;
      if ((lastRead.get(kept) ?? step) > step || !live.delete(kept)) continue;
      now -= sizeOf(kept);
    }
  }
  const largest = [...peak.live].map(([name, bytes]) => ({ name, bytes })).toSorted((a, b) => b.bytes - a.bytes);
  const weightBytes = [...constants].reduce((sum, name) => sum + (owner.has(name) ? 0 : bytesOf(name)), 0);
  const unknown = graph.nodes.flatMap(({ outputs }) => outputs.filter((name) => name !== '' && !types.has(name)));
  return { bytes: peak.bytes, weightBytes, node: peak.node, live: largest, unknown };
}

/** Operators whose output is their first input's memory under another shape. */
const ALIASING: ReadonlySet<string> = new Set(['Flatten', 'Identity', 'Reshape', 'Squeeze', 'Unsqueeze']);

/** Whether a node moves no data. */
export function isAlias({ opType, domain }: Node): boolean {
  return domain === '' && ALIASING.has(opType);
}

/** The value whose memory each alias shares. */
export function owners(graph: Graph): Map<string, string> {
  const owner = new Map<string, string>();
  for (const node of graph.nodes) {
    const source = node.inputs[0]!;
    if (isAlias(node)) owner.set(node.outputs[0]!, owner.get(source) ?? source);
  }
  return owner;
}

/** The initializers, and what is made of them alone. */
function constantValues(graph: Graph): Set<string> {
  const constants = new Set(graph.initializers.keys());
  for (const node of graph.nodes) {
    if (!reads(node).every((name) => constants.has(name))) continue;
    for (const name of node.outputs) if (name !== '') constants.add(name);
  }
  return constants;
}

/** The step after which a value is no longer needed; inputs and outputs of the graph are needed after the last. */
function lastReads(graph: Graph, owner: ReadonlyMap<string, string>): Map<string, number> {
  const last = new Map<string, number>();
  for (const [step, node] of graph.nodes.entries()) for (const name of reads(node)) last.set(owner.get(name) ?? name, step);
  for (const { name } of [...graph.inputs, ...graph.outputs]) last.set(owner.get(name) ?? name, graph.nodes.length);
  return last;
}
