/** onnxruntime says where it put the nodes of a graph only in its verbose log. */
const PLACED = /(?:Node\(s\)|All nodes) placed on \[(\w+)\]\. Number of nodes: (\d+)/g;

/** Nodes by execution provider (`WebGpuExecutionProvider`, `CPUExecutionProvider`), copies from and to the host counted with the device that makes them. */
export function parsePlacement(log: string): Map<string, number> {
  const placement = new Map<string, number>();
  for (const [, provider, count] of log.matchAll(PLACED)) placement.set(provider!, (placement.get(provider!) ?? 0) + Number(count));
  return placement;
}
