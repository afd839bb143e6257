import type { ChartConfiguration } from 'chart.js';
import type { Palette } from './palette.ts';

interface Bars {
  labels: readonly string[];
  /** The first is painted in full, the second softer. */
  sets: readonly { label: string; values: readonly (number | null)[] }[];
  text: (value: number) => string;
}

const colours = ({ accent, accentSoft }: Palette): string[] => [accent, accentSoft];

/** Bars from the left, one line for each label. */
export function lyingBars({ labels, sets, text }: Bars, palette: Palette): ChartConfiguration<'bar'> {
  return {
    type: 'bar',
    data: {
      labels: [...labels],
      datasets: sets.map(({ label, values }, i) => ({
        label,
        data: [...values],
        backgroundColor: colours(palette)[i]!,
        borderRadius: 3,
        maxBarThickness: 22,
        categoryPercentage: 0.8,
        barPercentage: 0.9,
      })),
    },
    options: {
      indexAxis: 'y',
      interaction: { mode: 'index', axis: 'y', intersect: false },
      scales: {
        x: {
          beginAtZero: true,
          grid: { color: palette.line },
          border: { display: false },
          ticks: { color: palette.muted, maxTicksLimit: 5, maxRotation: 0, callback: (value) => text(Number(value)) },
        },
        y: { grid: { display: false }, border: { color: palette.line }, ticks: { color: palette.ink, autoSkip: false } },
      },
      plugins: { tooltip: { callbacks: { label: ({ dataset, parsed }) => `${dataset.label}: ${text(parsed.x ?? 0)}` } } },
    },
  };
}

/** Bars that stand on each other, one pile for each label. */
export function stackedBars({ labels, sets, text }: Bars, titles: readonly string[], palette: Palette): ChartConfiguration<'bar'> {
  return {
    type: 'bar',
    data: {
      labels: [...labels],
      datasets: sets.map(({ label, values }, i) => ({
        label,
        data: [...values],
        backgroundColor: colours(palette)[i]!,
        maxBarThickness: 28,
        categoryPercentage: 0.9,
        barPercentage: 0.85,
      })),
    },
    options: {
      interaction: { mode: 'index', intersect: false },
      scales: {
        x: {
          stacked: true,
          grid: { display: false },
          border: { color: palette.line },
          ticks: { color: palette.muted, maxRotation: 0, autoSkipPadding: 24 },
        },
        y: {
          stacked: true,
          beginAtZero: true,
          grid: { color: palette.line },
          border: { display: false },
          ticks: { color: palette.muted, maxTicksLimit: 5, callback: (value) => text(Number(value)) },
        },
      },
      plugins: {
        tooltip: {
          callbacks: {
            title: ([item]) => (item ? titles[item.dataIndex]! : ''),
            label: ({ dataset, parsed }) => `${dataset.label}: ${text(parsed.y ?? 0)}`,
          },
        },
      },
    },
  };
}
