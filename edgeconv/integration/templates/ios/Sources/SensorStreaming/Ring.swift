/// The latest values, oldest first, in memory that is taken once.
struct Ring: Sendable {
  private var values: [SIMD3<Double>]
  private var oldest = 0
  private(set) var count = 0

  init(capacity: Int) {
    values = Array(repeating: .zero, count: capacity)
  }

  var isFull: Bool { count == values.count }

  mutating func append(_ value: SIMD3<Double>) {
    values[(oldest + count) % values.count] = value
    if isFull { oldest = (oldest + 1) % values.count } else { count += 1 }
  }

  mutating func removeAll() {
    (oldest, count) = (0, 0)
  }

  /// `index` 0 is the oldest.
  subscript(index: Int) -> SIMD3<Double> { values[(oldest + index) % values.count] }
}
