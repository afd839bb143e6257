/** The demo page's own script, written as a site owner would: it knows the widget by its element alone. */
import { startCompare } from './compare.ts';
import { startCopy } from './copy.ts';

startCompare(document.querySelector('#compare')!, document.querySelector('diptych-studio')!);
startCopy(document.querySelector('#copy')!, document.querySelector('#snippet')!);
