-- Decides a batch of claims in the order of their arrival and writes it down, whole, before anybody else is heard.
-- KEYS: the period, the ceilings of claimants, what the year of each has reserved, the stream of events.
-- ARGV: six for each claim: its key, the digest of what was asked, the claimant, the amount in fen, the event's data
-- without its place, and its metadata. Answers one line for each claim: its place and the id of its event; what was kept
-- for its key, behind "="; or the code of a refusal, behind "!".
local period = redis.call('HMGET', KEYS[1], 'remaining', 'claims', 'open')
local remaining, claims, answers = tonumber(period[1]), tonumber(period[2]), {}
for i = 1, #ARGV, 6 do
    local key, claimant, amount = ARGV[i], ARGV[i + 2], tonumber(ARGV[i + 3])
    local kept = redis.call('GET', key)
    local answer
    if kept then
        answer = '=' .. kept
    else
        local ceiling = redis.call('HGET', KEYS[2], claimant)
        local reserved = redis.call('HGET', KEYS[3], claimant) or '0'
        if not ceiling then
            answer = '!claimant-not-registered'
        elseif tonumber(reserved) + amount > tonumber(ceiling) then
            answer = '!allowance-exceeded'
        elseif period[3] ~= '1' then
            answer = '!period-closed'
        elseif amount > remaining then
            answer = '!quota-exhausted'
        else
            remaining, claims = remaining - amount, claims + 1
            redis.call('HINCRBY', KEYS[3], claimant, amount)
            local id = redis.call('XADD', KEYS[4], '*', 'place', claims, 'data', ARGV[i + 4], 'about', ARGV[i + 5])
            answer = claims .. ' ' .. id
            redis.call('SET', key, ARGV[i + 1] .. ' ' .. answer .. ' ' .. ARGV[i + 4])
        end
    end
    answers[#answers + 1] = answer
end
redis.call('HSET', KEYS[1], 'remaining', remaining, 'claims', claims)
return table.concat(answers, '\n')
