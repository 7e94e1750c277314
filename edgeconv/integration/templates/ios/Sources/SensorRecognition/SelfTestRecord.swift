import Foundation

/// What a device keeps of its self-tests. Written as JSON it is a results file:
/// `edgeconv golden check BUNDLE FILE` judges it again.
public struct SelfTestRecord: Sendable, Equatable {
  public let key: SelfTestKey
  public private(set) var results: [UnitResult]
  /// The unit whose test has begun and not ended.
  public internal(set) var testing: String?
  /// The unit that runs the model.
  public internal(set) var chosen: String?

  init(
    key: SelfTestKey, results: [UnitResult] = [], testing: String? = nil, chosen: String? = nil
  ) {
    self.key = key
    self.results = results
    self.testing = testing
    self.chosen = chosen
  }

  public func result(of unit: String) -> UnitResult? { results.first { $0.unit == unit } }

  /// Those of `units` that passed, in their order. None: the app has no model.
  public func passing(_ units: [String]) -> [String] {
    units.filter { result(of: $0)?.status == .passed }
  }

  /// So often under one key a unit may end in an error before it is not opened again.
  static let mostErrors = 3

  /// Whether a unit is to be tested: a wrong answer is final, an error may pass by itself.
  func isDue(_ unit: String, fallback: String) -> Bool {
    guard let before = result(of: unit) else { return true }
    return before.status == .error && (unit == fallback || before.errors < Self.mostErrors)
  }

  mutating func put(_ result: UnitResult) {
    results.removeAll { $0.unit == result.unit }
    results.append(result)
    testing = nil
  }

  /// Notes what the units need for an inference, and that a unit failed as it was measured.
  mutating func note(_ times: [String: Result<[Double], any Error>], medians: [String: Double]) {
    for index in results.indices {
      let before = results[index]
      if case .failure(let error)? = times[before.unit] {
        results[index] = before.withError(error.localizedDescription)
      } else if let median = medians[before.unit] {
        results[index].medianMilliseconds = median
      }
    }
  }

  /// Notes that a unit that passed cannot be opened now: another one is chosen.
  mutating func giveUp(_ unit: String, _ reason: String) {
    if let before = result(of: unit) { put(before.withError(reason)) }
    chosen = nil
  }

  /// The record that a file holds; `nil` where it cannot be read.
  public init?(contentsOf url: URL) {
    guard let data = try? Data(contentsOf: url) else { return nil }
    self.init(json: data)
  }

  init?(json data: Data) {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    guard let file = try? decoder.decode(File.self, from: data), file.format == File.name,
      file.schemaVersion == 1
    else { return nil }
    self.init(
      key: file.key, results: file.results.map(\.result), testing: file.testing,
      chosen: file.chosen)
  }

  /// The results file. Numbers that are not finite are `null`.
  ///
  /// - Parameter device: its model, as the platform tells it.
  public func json(test: SelfTest, device: String) throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys]
    return try encoder.encode(
      File(
        format: File.name, schemaVersion: 1, golden: test.golden,
        device: .init(model: device, system: key.system, appVersion: key.appVersion),
        key: key, testing: testing, chosen: chosen,
        results: results.map { .init($0, test) }))
  }

  private struct File: Codable {
    static let name = "edgeconv-golden-results"

    struct Device: Codable {
      let model, system, appVersion: String
    }

    struct Entry: Codable {
      let artifact, sha256, runtime, unit: String
      let vectors: [Int]
      @Null var outputs: [[Double?]]?
      let status: UnitStatus
      @Null var largest: Double?
      let tolerance: Double
      let reason: String
      @Null var medianMs: Double?
      let errors: Int?

      init(_ result: UnitResult, _ test: SelfTest) {
        artifact = test.artifact.name
        sha256 = test.artifact.sha256
        runtime = result.runtime
        unit = result.unit
        vectors = result.vectors
        outputs = result.outputs?.map { row in row.map { $0.isFinite ? $0 : nil } }
        status = result.status
        largest = result.largest
        tolerance = test.tolerance
        reason = result.reason
        medianMs = result.medianMilliseconds
        errors = result.errors
      }

      var result: UnitResult {
        UnitResult(
          unit: unit, status: status, largest: largest, reason: reason, vectors: vectors,
          outputs: outputs?.map { row in row.map { $0 ?? .nan } }, runtime: runtime,
          medianMilliseconds: medianMs, errors: errors ?? 0)
      }
    }

    let format: String
    let schemaVersion: Int
    let golden: String
    let device: Device
    let key: SelfTestKey
    @Null var testing: String?
    @Null var chosen: String?
    let results: [Entry]
  }
}

/// Is written as `null` where there is nothing, not left out.
@propertyWrapper
private struct Null<Value: Codable>: Codable {
  var wrappedValue: Value?

  init(wrappedValue: Value?) { self.wrappedValue = wrappedValue }

  init(from decoder: any Decoder) throws {
    wrappedValue = try decoder.singleValueContainer().decode(Value?.self)
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(wrappedValue)
  }
}
