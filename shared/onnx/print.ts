import type { Attribute, Graph, GraphValue, Node, Tensor, ValueType } from './ir.ts';

/**
 * A graph as text, one line a node, for people and for snapshot tests:
 * `y: float32[1,4] = Conv(x, w, _) {group=1}  # /conv_in/Conv`. Types are shown where known, `?` is an unknown size, `_` an input left out.
 */
export function printGraph(graph: Graph): string {
  return lines(graph, '').join('\n') + '\n';
}

function lines(graph: Graph, indent: string): string[] {
  const inner = `${indent}  `;
  return [
    `${indent}graph ${graph.name}(${graph.inputs.map(printValue).join(', ')}) {`,
    ...Array.from(graph.initializers, ([name, tensor]) => `${inner}${name} = ${printTensor(tensor)}`),
    ...graph.nodes.flatMap((node) => nodeLines(graph, node, inner)),
    `${inner}return ${graph.outputs.map(printValue).join(', ')}`,
    `${indent}}`,
  ];
}

function nodeLines(graph: Graph, node: Node, indent: string): string[] {
  const outputs = node.outputs.map((name) => {
    const type = graph.valueInfo.get(name);
    return type ? `${name}: ${printType(type)}` : name || '_';
  });
  const plain = [...node.attributes].filter(([, attribute]) => attribute.kind !== 'graph');
  const attributes = plain.length > 0 ? ` {${plain.map(([name, attribute]) => `${name}=${printAttribute(attribute)}`).join(', ')}}` : '';
  const op = node.domain ? `${node.domain}.${node.opType}` : node.opType;
  const line = `${indent}${outputs.join(', ')} = ${op}(${node.inputs.map((name) => name || '_').join(', ')})${attributes}${node.name ? `  # ${node.name}` : ''}`;
  return [line, ...subgraphLines(node, `${indent}  `)];
}

function subgraphLines(node: Node, indent: string): string[] {
  return [...node.attributes].flatMap(([name, attribute]) =>
    attribute.kind === 'graph' ? [`${indent}${name}:`, ...lines(attribute.value, `${indent}  `)] : [],
  );
}

function printValue({ name, type }: GraphValue): string {
  return `${name}: ${printType(type)}`;
}

function printType({ dataType, dims }: ValueType): string {
  return dims ? `${dataType}[${dims.map((dim) => (dim === '' ? '?' : dim)).join(',')}]` : dataType;
}

/** Where a tensor is and how large; bytes would drown the text. */
function printTensor({ dataType, dims, data }: Tensor): string {
  const place = data.kind === 'external' ? ` @ ${data.location}+${data.offset}` : '';
  return `${dataType}[${dims.join(',')}]${place}`;
}

function printAttribute(attribute: Exclude<Attribute, { kind: 'graph' }> | Attribute): string {
  switch (attribute.kind) {
    case 'tensor':
      return printTensor(attribute.value);
    case 'graph':
      return 'graph';
    case 'string':
    case 'strings':
      return JSON.stringify(attribute.value);
    case 'floats':
    case 'ints':
      return `[${attribute.value.join(',')}]`;
    default:
      return String(attribute.value);
  }
}
