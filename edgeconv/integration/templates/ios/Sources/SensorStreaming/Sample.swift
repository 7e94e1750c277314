/// One reading of an accelerometer, in the sensor's own unit and sign.
public struct Sample: Sendable, Equatable {
  /// Nanoseconds from any origin, such as the phone's start.
  public var nanoseconds: Int64
  public var x: Double
  public var y: Double
  public var z: Double

  /// Creates a reading from a time in nanoseconds.
  public init(nanoseconds: Int64, x: Double, y: Double, z: Double) {
    self.nanoseconds = nanoseconds
    self.x = x
    self.y = y
    self.z = z
  }

  /// Creates a reading from a time in seconds, as Core Motion gives it.
  ///
  /// - Returns: `nil` where the time is not a number that nanoseconds can hold.
  public init?(seconds: Double, x: Double, y: Double, z: Double) {
    guard let nanoseconds = Int64(exactly: (seconds * 1e9).rounded()) else { return nil }
    self.init(nanoseconds: nanoseconds, x: x, y: y, z: z)
  }

  var values: SIMD3<Double> { SIMD3(x, y, z) }
}
