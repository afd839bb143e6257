/** onnxruntime says where it put the nodes of a graph only in its verbose log; this reads it there. */
const PLACED = /(?:Node\(s\)|All nodes) placed on \[(\w+)\]\. Number of nodes: (\d+)/g;

/** Nodes by execution provider (`WebGpuExecutionProvider`, `CPUExecutionProvider`), host copies counted with the device that makes them. */
export function parsePlacement(log: string): Map<string, number> {
  const placement = new Map<string, number>();
  for (const [, provider, count] of log.matchAll(PLACED)) placement.set(provider!, (placement.get(provider!) ?? 0) + Number(count));
  return placement;
}

const METHODS = ['log', 'info', 'warn', 'error', 'debug'] as const;

/** Runs `work` with the console's lines collected instead of printed. onnxruntime's WebAssembly builds log there. */
export async function collectConsole<T>(work: () => Promise<T>): Promise<{ value: T; log: string }> {
  const lines: string[] = [];
  const saved = METHODS.map((method) => [method, console[method]] as const);
  for (const method of METHODS) console[method] = (...parts: unknown[]) => void lines.push(parts.join(' '));
  try {
    return { value: await work(), log: lines.join('\n') };
  } finally {
    for (const [method, original] of saved) console[method] = original;
  }
}
