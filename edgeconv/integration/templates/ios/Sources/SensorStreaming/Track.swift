/// One sensor: its latest samples, and points of the fine grid that wait for the other sensors.
struct Track: Sendable {
  let kind: SensorKind
  let maxGap: Int64
  let closest: Int64
  /// The first point of the fine grid that has no value yet.
  private(set) var next = 0
  /// Points that another sensor has not reached yet.
  var points: Ring<SIMD3<Double>>

  private let factor: Double
  private var earliest: Point?
  private var earlier: Point?
  private var first: Point?
  private var second: Point?

  private struct Point {
    let time: Int64
    let values: SIMD3<Double>
  }

  init(_ settings: SensorSettings, pending: Int) {
    kind = settings.kind
    maxGap = settings.maxGap
    closest = settings.closest
    factor = settings.factor
    points = Ring(capacity: pending, filledWith: .zero)
  }

  /// Time of the latest sample; `nil` where there is none.
  var newest: Int64? { second?.time }

  mutating func removeAll() {
    (earliest, earlier, first, second) = (nil, nil, nil, nil)
    next = 0
    points.removeAll()
  }

  mutating func hold(_ sample: Sample) {
    let latest = Point(time: sample.nanoseconds, values: sample.values * factor)
    (earliest, earlier, first, second) = (earlier, first, second, latest)
  }

  /// The curve between the latest sample but two and the latest but one; `nil` before there are
  /// three.
  var curve: Curve? {
    guard let from = earlier, let to = first, let after = second else { return nil }
    let length = Double(to.time - from.time)
    let rise = to.values - from.values
    let end = slope(rise, after.values - to.values, length / Double(after.time - to.time))
    let begin: SIMD3<Double>
    if let earliest {
      let ratio = length / Double(from.time - earliest.time)
      begin = slope(rise, from.values - earliest.values, ratio)
    } else {  // the parabola through the first three samples
      begin = 2 * rise - end
    }
    return Curve(
      from: from.time, until: to.time, value: from.values, begin: begin,
      bend: 3 * rise - 2 * begin - end, twist: begin + end - 2 * rise)
  }

  /// Keeps the next point of the fine grid.
  mutating func append(_ point: SIMD3<Double>) {
    points.append(point)
    next += 1
  }

  /// Slope of the parabola through three samples at the middle one, times this interval's length.
  ///
  /// `other` is the difference over the neighbouring interval, `ratio` this length by that one's.
  private func slope(
    _ rise: SIMD3<Double>, _ other: SIMD3<Double>, _ ratio: Double
  ) -> SIMD3<Double> {
    (rise + ratio * ratio * other) / (1 + ratio)
  }
}

/// A cubic between two samples, through their neighbours too.
struct Curve: Sendable {
  let from: Int64
  let until: Int64
  let value: SIMD3<Double>
  let begin: SIMD3<Double>
  let bend: SIMD3<Double>
  let twist: SIMD3<Double>

  subscript(time: Int64) -> SIMD3<Double> {
    let u = Double(time - from) / Double(until - from)
    return value + u * (begin + u * (bend + u * twist))
  }
}
