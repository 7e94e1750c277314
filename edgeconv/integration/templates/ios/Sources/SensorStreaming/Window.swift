/// One input of the model.
public struct Window: Sendable, Equatable {
  /// Counts from 0 over the stream's whole life.
  public let number: Int
  /// How often the stream had restarted; decisions are smoothed within one segment.
  public let segment: Int
  /// Time of the last step.
  public let endNanoseconds: Int64
  /// All channels of the first step, then of the second …, in the model's units and sign.
  public let values: [Float]
}

/// What became of the samples, since the beginning.
public struct Counts: Sendable, Equatable {
  public internal(set) var accepted = 0
  /// Dropped: a value is not finite.
  public internal(set) var notFinite = 0
  /// Dropped: at (nearly) the time of the last one.
  public internal(set) var duplicate = 0
  /// Dropped: older than the last one.
  public internal(set) var late = 0
  /// Restarts because nothing came for too long.
  public internal(set) var gaps = 0
  /// Restarts because the time stamp went back.
  public internal(set) var clockResets = 0
  /// Restarts because one sensor gave nothing while another went on.
  public internal(set) var silent = 0

  /// Nothing has come yet.
  public init() {}
}
