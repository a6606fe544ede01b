/**
 * What Redis does for shared quotas, as Lua: each script is one indivisible step over several keys,
 * on the server's own clock in microseconds. Every script begins at the gate, a key that says when
 * something may be granted again after all were away or after Redis had forgotten everything; and
 * none acts on a call that comes too late, because whoever sent it has stopped waiting for it.
 * Deliberately unknown here: connections, and what a daemon does while Redis is away.
 */

/** A script and its name, for error messages. */
export interface RedisScript {
  readonly name: string;
  readonly lua: string;
}

/** The first word of an answer: it was done. */
export const DONE = 0;
/** The first word of an answer: the call came too late, and nothing was done. */
export const LATE = 1;

/*
 * KEYS[1] the gate: `open beat lost`, server time in µs. Nothing is granted before `open`; `beat`
 * is when a daemon was last here; at `lost` Redis knew nothing, so rates count as used up then.
 * ARGV: 1 the call is void after this time, 0 = never; 2 the longest silence while a daemon is
 * here; 3 the time that all are given to come back and say what they hold. All in µs.
 */
const GATE = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local last = tonumber(ARGV[1])
if last > 0 and now > last then return {${LATE}, now} end
local open, beat, lost
local gate = redis.call('GET', KEYS[1])
if gate then
  open, beat, lost = string.match(gate, '^(%d+) (%d+) (%d+)$')
  open, beat, lost = tonumber(open), tonumber(beat), tonumber(lost)
end
local settle = tonumber(ARGV[3])
if not lost then
  open, beat, lost = now + settle, now, now
elseif now - beat > tonumber(ARGV[2]) then
  open = now + settle
end
open, lost = math.min(open, now + settle), math.min(lost, now)
redis.call('SET', KEYS[1], string.format('%.0f %.0f %.0f', open, now, lost))
`;

/*
 * A bucket is `at level settled back`: so many tokens were in use at that time, and they drain at
 * the rate. What was taken before `settled` has drained by itself; of what was taken since, `back`
 * tokens may still be given back, others stood on the rest.
 */
const BUCKET = `
local function read(at)
  local base = at * 3 + 2
  local bucket = {limit = tonumber(ARGV[base]), period = tonumber(ARGV[base + 1]),
    burst = tonumber(ARGV[base + 2]), level = 0, settled = 0, back = 1e15}
  local from = 0
  local raw = redis.call('GET', KEYS[at + 1])
  if raw then
    local a, l, s, b = string.match(raw, '^(%S+) (%S+) (%S+) (%S+)$')
    from, bucket.settled, bucket.back = math.min(tonumber(a), now), tonumber(s), tonumber(b)
    bucket.level = math.max(0, tonumber(l) - (now - from) * bucket.limit / bucket.period)
  end
  if from < lost then
    local used = bucket.burst - (now - lost) * bucket.limit / bucket.period
    bucket.level = math.max(bucket.level, used)
  end
  return bucket
end
local function write(at, bucket)
  local text = string.format(
    '%.0f %.17g %.0f %.17g', now, bucket.level, bucket.settled, bucket.back)
  local lifeMs = math.ceil(bucket.level * bucket.period / bucket.limit / 1000) + 1000
  redis.call('SET', KEYS[at + 1], text, 'PX', string.format('%.0f', lifeMs))
end
`;

/**
 * KEYS from 2: buckets. ARGV 4 how many; then limit, period in µs and burst of each bucket.
 * Answers: done, now, granted, µs until the next one, which bucket says so (0: the gate).
 */
export const TAKE: RedisScript = {
  name: 'take',
  lua: `${GATE}${BUCKET}
local granted = tonumber(ARGV[4])
if now < open then return {${DONE}, now, 0, open - now, 0} end
local buckets = {}
for at = 1, #KEYS - 1 do
  local bucket = read(at)
  buckets[at] = bucket
  granted = math.min(granted, math.max(0, math.floor(bucket.burst - bucket.level + 1e-9)))
end
local wait, binding = 0, 0
for at, bucket in ipairs(buckets) do
  if granted > 0 then
    if bucket.level < 1 then
      bucket.settled, bucket.back = now, 1e15
    else
      bucket.back = math.min(bucket.back, bucket.level)
    end
    bucket.level = bucket.level + granted
    write(at, bucket)
  end
  local own = (bucket.level + 1 - bucket.burst) * bucket.period / bucket.limit
  if own > wait then wait, binding = own, at end
end
return {${DONE}, now, granted, math.ceil(wait), binding}`,
};

/**
 * KEYS from 2: buckets. ARGV 4 `at tokens`: to give back what was taken at that time, or, with at
 * 0, to add what was taken while Redis was away; then limit, period, burst of each bucket.
 */
export const ADJUST: RedisScript = {
  name: 'adjust',
  lua: `${GATE}${BUCKET}
local takenAt, count = string.match(ARGV[4], '^(%S+) (%S+)$')
takenAt, count = tonumber(takenAt), tonumber(count)
for at = 1, #KEYS - 1 do
  local bucket = read(at)
  if takenAt == 0 then
    bucket.level = math.min(bucket.burst, bucket.level + count)
    bucket.settled, bucket.back = now, 0
    write(at, bucket)
  elseif takenAt >= bucket.settled then
    local given = math.min(count, bucket.back, bucket.level)
    bucket.level, bucket.back = bucket.level - given, bucket.back - given
    if bucket.back < 1 then bucket.settled, bucket.back = now, 1e15 end
    write(at, bucket)
  end
end
return {${DONE}, now}`,
};

/**
 * KEYS from 2: the leases on each limit, a sorted set of ids by the time they lapse. ARGV 4 the id,
 * 5 its life and 6 the longest life of any, in µs; then the limits.
 * Answers: done, now, granted (0, 1), µs until the next one lapses, which limit says no (0: gate).
 */
export const ACQUIRE: RedisScript = {
  name: 'acquire',
  lua: `${GATE}
if now < open then return {${DONE}, now, 0, open - now, 0} end
for at = 1, #KEYS - 1 do
  local key = KEYS[at + 1]
  redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%.0f', now))
  if redis.call('ZCARD', key) >= tonumber(ARGV[at + 6]) then
    local first = redis.call('ZRANGE', key, 0, 0, 'WITHSCORES')
    return {${DONE}, now, 0, math.max(0, tonumber(first[2]) - now), at}
  end
end
local lapses = string.format('%.0f', now + tonumber(ARGV[5]))
for at = 1, #KEYS - 1 do
  redis.call('ZADD', KEYS[at + 1], lapses, ARGV[4])
  redis.call('PEXPIRE', KEYS[at + 1], math.ceil(tonumber(ARGV[6]) / 1000))
end
return {${DONE}, now, 1, 0, 0}`,
};

/**
 * A daemon is here, and holds these leases. KEYS from 2: sets of leases. ARGV 4 the longest life;
 * then for each lease: id, life in µs, how many limits, and of each the number of its set and the
 * limit. One that had lapsed is taken up again where there is room, and in any case before the gate
 * opens. Answers: done, now, when the gate will open or 0, then the places (from 1) of lost ones.
 */
export const RENEW: RedisScript = {
  name: 'renew',
  lua: `${GATE}
local answer = {${DONE}, now, now < open and open or 0}
local at, place = 5, 0
for index = 2, #KEYS do
  redis.call('ZREMRANGEBYSCORE', KEYS[index], '-inf', string.format('%.0f', now))
end
while at <= #ARGV do
  local id, count = ARGV[at], tonumber(ARGV[at + 2])
  local lapses = string.format('%.0f', now + tonumber(ARGV[at + 1]))
  local held = true
  for one = 1, count do
    local key = KEYS[tonumber(ARGV[at + 1 + 2 * one]) + 1]
    local limit = tonumber(ARGV[at + 2 + 2 * one])
    if not redis.call('ZSCORE', key, id) and now >= open and redis.call('ZCARD', key) >= limit then
      held = false
    end
  end
  for one = 1, count do
    local key = KEYS[tonumber(ARGV[at + 1 + 2 * one]) + 1]
    if held then
      redis.call('ZADD', key, lapses, id)
      redis.call('PEXPIRE', key, math.ceil(tonumber(ARGV[4]) / 1000))
    else
      redis.call('ZREM', key, id)
    end
  end
  place = place + 1
  if not held then answer[#answer + 1] = place end
  at = at + 3 + 2 * count
end
return answer`,
};

/** Leases that have ended. KEYS from 2: their sets; ARGV from 4: the id for each. */
export const DROP: RedisScript = {
  name: 'drop',
  lua: `${GATE}
for at = 2, #KEYS do redis.call('ZREM', KEYS[at], ARGV[at + 2]) end
return {${DONE}, now}`,
};

/** All of them. */
export const SCRIPTS: readonly RedisScript[] = [TAKE, ADJUST, ACQUIRE, RENEW, DROP];
