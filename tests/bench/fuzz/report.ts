import { fuzz, type FuzzOptions } from './fuzz.ts';

/** `npm run bench -- fuzz`: what came of it, and each finding with how to send it again. */
export async function reportFuzz(options: FuzzOptions): Promise<void> {
  const started = performance.now();
  const report = await fuzz(options, (done) => process.stderr.write(`\rrequest ${done} of ${options.requests}`.padEnd(40)));
  process.stderr.write('\n');
  const seconds = (performance.now() - started) / 1000;
  const statuses = Object.entries(report.statuses).map(([status, count]) => `${status}: ${count}`);
  const { requests, seed, only } = options;
  console.log(
    `${only === undefined ? requests : 1} requests of seed ${seed} in ${seconds.toFixed(0)} s. ${statuses.join(', ')}. The slowest took ${report.slowestMs.toFixed(0)} ms.`,
  );
  for (const { number, reason, request, answer } of report.findings.slice(0, 20)) {
    const body = request.body === undefined ? '' : ` ${String(request.body).slice(0, 300)}`;
    console.log(
      `\n${reason}\n  ${request.method} ${request.path.slice(0, 300)} ${JSON.stringify(request.headers)}${body}\n  ${answer.slice(0, 500)}`,
    );
    console.log(`  again: npm run bench -- fuzz --seed ${seed} --only ${number}`);
  }
  console.log(`${report.findings.length} findings.`);
  if (report.findings.length > 0) process.exitCode = 1;
}
