/**
 * The first of the ARGV of a script that is to try commands, and to do nothing else. No script has
 * it there otherwise.
 */
export const CHECK_ACT = 'check';

/** A command, and arguments with which it changes nothing. */
export type CheckedCommand = readonly [command: string, ...args: string[]];

const CHECK = `
if ARGV[1] == '${CHECK_ACT}' then
  local refused, at = {}, 2
  while at <= #ARGV do
    local last = at + tonumber(ARGV[at])
    local answer = redis.pcall(unpack(ARGV, at + 1, last))
    if type(answer) == 'table' and answer.err then
      refused[#refused + 1] = ARGV[at + 1]
      refused[#refused + 1] = answer.err
    end
    at = last + 1
  end
  return refused
end
`;

/**
 * The script with an act more. ARGV: {@link CHECK_ACT}, then each command with the number of its
 * words before it. Answers with each command that Redis refuses, and its words.
 */
export function withCheck(script: string): string {
  return CHECK + script;
}

export function checkArgs(commands: readonly CheckedCommand[]): (string | number)[] {
  return [CHECK_ACT, ...commands.flatMap((command) => [command.length, ...command])];
}
