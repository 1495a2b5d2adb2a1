-- One account's turns, in microseconds of this server's clock. Two keys: a hash with the state, a sorted set with turns
-- that were given back. The same arithmetic as a host's record, without its bursts: who shares over a network sees less.
local qps, wanted, within = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local state = redis.call('HMGET', KEYS[1], 'next', 'seen', 'throttled', 'rate')
local next = tonumber(state[1]) or now
local seen = tonumber(state[2]) or now
local throttled, most = tonumber(state[3]), tonumber(state[4])

-- A clock that was set back takes the times that it told before along.
if seen > now then
  next = next - (seen - now)
  if throttled then throttled = throttled - (seen - now) end
end

local function rate(at)
  if not throttled then return qps end
  local since = math.max(at - throttled, 0) / 1000000
  local rest = (most * 0.3 / 0.4) ^ (1 / 3)
  return math.min(math.max(0.4 * (since - rest) ^ 3 + most, 1), qps)
end

local turns = {}
if ARGV[1] == 'lease' then
  -- Ones that can still be reached; earlier ones are gone for good.
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', string.format('(%.0f', now + 10000))
  local found = redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', string.format('(%.0f', now + within), 'LIMIT', 0, wanted)
  for _, turn in ipairs(found) do
    redis.call('ZREM', KEYS[2], turn)
    turns[#turns + 1] = tonumber(turn)
  end
  while #turns < wanted do
    next = math.max(next, now)
    if next - now >= within then break end
    turns[#turns + 1] = next
    next = next + math.ceil(1000000 / rate(next))
  end
elseif ARGV[1] == 'back' then
  for place = 5, #ARGV do
    redis.call('ZADD', KEYS[2], ARGV[place], ARGV[place])
  end
  redis.call('ZREMRANGEBYRANK', KEYS[2], 1000, -1)
elseif ARGV[1] == 'throttled' and (not throttled or now - throttled >= 500000) then
  most, throttled = rate(now), now
end

redis.call('HSET', KEYS[1], 'next', string.format('%.0f', next), 'seen', string.format('%.0f', now))
if throttled then
  redis.call('HSET', KEYS[1], 'throttled', string.format('%.0f', throttled), 'rate', string.format('%.17g', most))
end
local life = math.ceil(math.max(next - now, 0) / 1000) + 60000
redis.call('PEXPIRE', KEYS[1], life)
redis.call('PEXPIRE', KEYS[2], life)
local answer = {now, math.max(next, now)}
for place, turn in ipairs(turns) do answer[place + 2] = turn end
return answer
