/// Leaves out windows while nothing moves, to spare the battery; the first with movement is always
/// given to the model.
public struct EnergySaver: Sendable {
  private let stillBelow: Double
  private let after: Int
  private let factor: Int
  private let channels: [Int]
  private let width: Int
  private var segment = -1
  private var calm = 0
  private var skipped = 0

  /// - Parameters:
  ///   - stillBelow: a window whose readings deviate less is still; in m/s².
  ///   - after: how many still windows in a row are given to the model all the same.
  ///   - factor: of the further ones, every how many-th is.
  public init(stillBelow: Double = 0.1, after: Int = 2, factor: Int = 4) {
    self.init(
      stillBelow: stillBelow / Contract.unitInMetersPerSecondSquared, after: after, factor: factor,
      channels: Contract.sources.indices.filter { Contract.sources[$0].sensor == 0 },
      width: Contract.sources.count)
  }

  /// - Parameters:
  ///   - stillBelow: in the model's unit.
  ///   - channels: places in a step of those that are looked at.
  ///   - width: channels of a step.
  init(stillBelow: Double, after: Int, factor: Int, channels: [Int], width: Int) {
    precondition(stillBelow >= 0 && after >= 0 && factor >= 1 && !channels.isEmpty)
    self.stillBelow = stillBelow
    self.after = after
    self.factor = factor
    self.channels = channels
    self.width = width
  }

  /// Whether this window is given to the model.
  public mutating func runs(_ window: Window) -> Bool {
    let begins = window.segment != segment
    segment = window.segment
    if begins || deviation(of: window.values) >= stillBelow {
      (calm, skipped) = (0, 0)
      return true
    }
    calm += 1
    if calm <= after { return true }
    skipped = (skipped + 1) % factor
    return skipped == 0
  }

  /// The largest standard deviation of a channel over a window.
  func deviation(of values: [Float]) -> Double {
    let count = Double(values.count / width)
    return channels.map { channel in
      let column = stride(from: channel, to: values.count, by: width).map { Double(values[$0]) }
      let mean = column.reduce(0, +) / count
      return (column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count).squareRoot()
    }.max() ?? 0
  }
}
