/** Norms of a LoRA's change of a weight, delta W = (alpha / rank) up down. */
import type { LoraLayer } from '../lora/lora.ts';

/** The squared Frobenius norm, from the Gram matrices of the factors: |U D|^2 = sum of (U^T U) * (D D^T), without the dense product. */
export function sumOfSquares({ rank, alpha, down, up }: LoraLayer): number {
  const ofDown = gram(down, rank);
  const ofUp = gram(transposed(up, rank), rank);
  const sum = ofDown.reduce((total, value, i) => total + value * ofUp[i]!, 0);
  return Math.max(0, sum) * (alpha / rank) ** 2;
}

/** The dot products of the rows of [rank, n]. */
function gram(rows: Float32Array, rank: number): Float64Array {
  const products = new Float64Array(rank * rank);
  const length = rows.length / rank;
  for (let a = 0; a < rank; a++)
    for (let b = a; b < rank; b++) {
      let product = 0;
      for (let i = 0; i < length; i++) product += rows[a * length + i]! * rows[b * length + i]!;
      products[a * rank + b] = product;
      products[b * rank + a] = product;
    }
  return products;
}

/** [n, rank] as [rank, n]: strided reads of a large factor took eight times as long. */
function transposed(values: Float32Array, rank: number): Float32Array {
  const length = values.length / rank;
  const rows = new Float32Array(values.length);
  for (let i = 0; i < length; i++) for (let a = 0; a < rank; a++) rows[a * length + i] = values[i * rank + a]!;
  return rows;
}

/** The sum of the absolute entries of the dense delta W, and the sum of the `count` largest of them. */
export function absoluteSums({ rank, alpha, down, up }: LoraLayer, count: number): { all: number; largest: number } {
  const inner = down.length / rank;
  const out = up.length / rank;
  const largest = new LargestValues(Math.min(count, inner * out));
  const row = new Float64Array(inner);
  let all = 0;
  for (let o = 0; o < out; o++) {
    row.fill(0);
    for (let r = 0; r < rank; r++) {
      const weight = up[o * rank + r]!;
      for (let i = 0; i < inner; i++) row[i]! += weight * down[r * inner + i]!;
    }
    for (const value of row) {
      const size = Math.abs(value);
      all += size;
      largest.offer(size);
    }
  }
  const scale = Math.abs(alpha / rank);
  return { all: all * scale, largest: largest.sum() * scale };
}

/** Keeps the largest numbers offered, in a binary heap whose root is the smallest of them: nearly all of a long row stop there. */
class LargestValues {
  readonly #heap: Float64Array;
  #size = 0;

  constructor(count: number) {
    this.#heap = new Float64Array(count);
  }

  offer(value: number): void {
    if (this.#size < this.#heap.length) this.#rise(this.#size++, value);
    else if (this.#size > 0 && value > this.#heap[0]!) this.#sink(value);
  }

  sum(): number {
    return this.#heap.subarray(0, this.#size).reduce((total, value) => total + value, 0);
  }

  #rise(at: number, value: number): void {
    const heap = this.#heap;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (heap[parent]! <= value) break;
      heap[at] = heap[parent]!;
      at = parent;
    }
    heap[at] = value;
  }

  #sink(value: number): void {
    const heap = this.#heap;
    let at = 0;
    for (;;) {
      let child = 2 * at + 1;
      if (child >= this.#size) break;
      if (child + 1 < this.#size && heap[child + 1]! < heap[child]!) child++;
      if (heap[child]! >= value) break;
      heap[at] = heap[child]!;
      at = child;
    }
    heap[at] = value;
  }
}
