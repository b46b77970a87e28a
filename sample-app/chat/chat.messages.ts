import { IsNotEmpty, IsString, Matches, MaxLength } from 'class-validator';

const ROOM = /^[\p{L}\p{N}][\p{L}\p{N} ._-]*$/u;

/** What the page sends. */
export class RoomMessage {
  @IsString()
  @MaxLength(40)
  @Matches(ROOM, { message: 'A room has letters, digits, spaces, dots, dashes and underscores.' })
  room!: string;
}

export class SayMessage extends RoomMessage {
  @IsString()
  @IsNotEmpty()
  @MaxLength(2_000)
  text!: string;
}

export class WhisperMessage {
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
