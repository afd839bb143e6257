/** Whether parts of two graphs are the same, by value. */
import type { Attribute, Node, Tensor } from './ir.ts';

export function sameTensor(a: Tensor, b: Tensor): boolean {
  if (a === b) return true;
  if (a.dataType !== b.dataType || !sameList(a.dims, b.dims)) return false;
  if (a.data.kind === 'inline' && b.data.kind === 'inline') return a.data === b.data || sameList(a.data.bytes, b.data.bytes);
  return JSON.stringify(a.data) === JSON.stringify(b.data);
}

export function sameList(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether two nodes have the same attributes. Subgraphs are never the same: they are not compared. */
export function sameAttributes(a: Node, b: Node): boolean {
  return (
    a.attributes.size === b.attributes.size && [...a.attributes].every(([name, value]) => sameAttribute(value, b.attributes.get(name)))
  );
}

function sameAttribute(a: Attribute, b: Attribute | undefined): boolean {
  if (a.kind !== b?.kind || a.kind === 'graph') return false;
  if (a.kind === 'tensor') return sameTensor(a.value, (b as typeof a).value);
  return Array.isArray(a.value) ? a.value.join() === (b.value as typeof a.value).join() : a.value === b.value;
}
