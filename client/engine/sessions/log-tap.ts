/**
 * Reads what onnxruntime-web logs. Its WebAssembly module keeps the `console.error` that it finds when it starts, for good, so the tap must
 * stand there at that moment; otherwise lines flow on to the console.
 */
export class LogTap {
  #listener: ((line: string) => void) | undefined;

  /** Runs `start`, in which the WebAssembly module starts (or, a second time in one page, has started before). */
  async install<T>(start: () => Promise<T>): Promise<T> {
    const original = console.error;
    console.error = (...parts: unknown[]) => (this.#listener ? this.#listener(parts.join(' ')) : original.apply(console, parts));
    try {
      return await start();
    } finally {
      console.error = original;
    }
  }

  /** Runs `work` with the log collected instead of printed. */
  async collect<T>(work: () => Promise<T>): Promise<{ value: T; log: string }> {
    const lines: string[] = [];
    this.#listener = (line) => void lines.push(line);
    try {
      return { value: await work(), log: lines.join('\n') };
    } finally {
      this.#listener = undefined;
    }
  }
}
