/**
 * The contract of sinks over the smallest of them: what the suite asks can be done, and is seen
 * when it is not.
 */
import { sinkContract } from './sink.ts';
import { openSamplePlace } from './sink-sample.ts';

sinkContract('the sample sink', openSamplePlace);
