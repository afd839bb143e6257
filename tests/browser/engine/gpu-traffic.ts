/** Bytes between host and GPU, one number a transfer. */
export interface GpuTraffic {
  /** Buffers mapped for reading. */
  down: number[];
  /** Buffers written from the host, or filled when they were made. */
  up: number[];
}

/** WebGPU's flag (https://www.w3.org/TR/webgpu/#dom-gpumapmode-read), which the DOM's types leave out. */
const READ = 1;

/** Counts every transfer of this page, whoever asks for it, onnxruntime's WebAssembly included. */
export function watchGpuTraffic(): GpuTraffic {
  const traffic: GpuTraffic = { down: [], up: [] };
  const { mapAsync } = GPUBuffer.prototype;
  GPUBuffer.prototype.mapAsync = function (this: GPUBuffer, mode, offset = 0, size) {
    if (mode === READ) traffic.down.push(size ?? this.size - offset);
    return mapAsync.call(this, mode, offset, size);
  };
  const { writeBuffer } = GPUQueue.prototype;
  GPUQueue.prototype.writeBuffer = function (buffer, offset, data, ...rest) {
    traffic.up.push(rest[1] ?? data.byteLength);
    return writeBuffer.call(this, buffer, offset, data, ...rest);
  };
  const { createBuffer } = GPUDevice.prototype;
  GPUDevice.prototype.createBuffer = function (descriptor) {
    if (descriptor.mappedAtCreation) traffic.up.push(descriptor.size);
    return createBuffer.call(this, descriptor);
  };
  return traffic;
}
