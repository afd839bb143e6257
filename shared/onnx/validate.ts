import { DiptychError } from '../errors.ts';
import { byteLength } from './data-type.ts';
import type { Graph, Model, Node, Tensor } from './ir.ts';

/**
 * Checks what every pass relies on: names are assigned once, nodes stand in topological order and read what exists, graph outputs
 * are made, every operator domain has a version, and tensors have as many bytes as their shape needs.
 *
 * @throws onnx_invalid naming the node, the value and the reason
 */
export function validateModel(model: Model): void {
  if (!model.opsets.has('') && model.graph.nodes.some((node) => node.domain === '')) {
    throw invalid(`graph ${model.graph.name}`, 'standard operators', 'no version of the standard operator set is given');
  }
  validateGraph(model.graph, model.opsets, new Set());
}

/** `outer`: the names that a subgraph sees from outside; it must not assign them again. */
function validateGraph(graph: Graph, opsets: Map<string, number>, outer: ReadonlySet<string>): void {
  const where = `graph ${graph.name}`;
  const known = new Set(outer);
  for (const { name } of graph.inputs) assign(known, name, where);
  const inputs = new Set(graph.inputs.map((input) => input.name));
  for (const [name, tensor] of graph.initializers) {
    // An initializer may be the default of a graph input of the same name.
    if (!inputs.has(name)) assign(known, name, where);
    checkTensor(tensor, where, name);
  }
  for (const node of graph.nodes) validateNode(node, opsets, known);
  for (const { name } of graph.outputs) {
    if (!known.has(name)) throw invalid(where, `output ${name}`, 'no node makes it');
  }
}

function validateNode(node: Node, opsets: Map<string, number>, known: Set<string>): void {
  const where = `node ${node.name} (${node.opType})`;
  if (!opsets.has(node.domain)) throw invalid(where, `domain ${node.domain}`, 'the model gives no operator-set version for it');
  for (const name of node.inputs) {
    if (name !== '' && !known.has(name)) throw invalid(where, `input ${name}`, 'nothing before this node makes it');
  }
  for (const [name, attribute] of node.attributes) {
    if (attribute.kind === 'graph') validateGraph(attribute.value, opsets, known);
    if (attribute.kind === 'tensor') checkTensor(attribute.value, where, `attribute ${name}`);
  }
  for (const name of node.outputs) if (name !== '') assign(known, name, where);
}

function assign(known: Set<string>, name: string, where: string): void {
  if (name === '') throw invalid(where, 'a value', 'it has no name');
  if (known.has(name)) throw invalid(where, `value ${name}`, 'it is assigned twice');
  known.add(name);
}

function checkTensor({ dataType, dims, data }: Tensor, where: string, what: string): void {
  const length = data.kind === 'inline' ? data.bytes.length : data.length;
  const expected = byteLength(dataType, dims);
  if (length !== expected) throw invalid(where, what, `${dataType}[${dims.join(',')}] needs ${expected} bytes and has ${length}`);
}

function invalid(where: string, value: string, reason: string): DiptychError {
  return new DiptychError('onnx_invalid', `${where}, ${value}: ${reason}`, { where, value, reason });
}
