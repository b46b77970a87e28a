import { IsNotEmpty, IsString, Matches, MaxLength } from 'class-validator';

const ROOM = /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u;

/**
 * Which message it is, however often it is sent: long enough that nobody guesses it before it is
 * said.
 */
const MessageId = Matches(/^[\w-]{16,64}$/, {
  message: 'The id of a message has 16 to 64 letters, digits, dashes and underscores.',
});

/** What the page sends. */
export class RoomMessage {
  @IsString()
  @MaxLength(40)
  @Matches(ROOM, { message: 'A room has letters, digits, spaces, dots, dashes and underscores.' })
  room!: string;
}

export class SayMessage extends RoomMessage {
  @MessageId
  id!: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(2_000)
  text!: string;
}

export class WhisperMessage {
  @MessageId
  id!: string;

  /** A user's id. */
  @IsString()
  @IsNotEmpty()
  @MaxLength(60)
  to!: string;

  @IsString()
  @IsNotEmpty()
  @MaxLength(2_000)
  text!: string;
}

export class PollMessage {
  @IsString()
  @IsNotEmpty()
  @MaxLength(200)
  text!: string;
}

export class Announcement {
  @IsString()
  @IsNotEmpty()
  @MaxLength(500)
  text!: string;
}
