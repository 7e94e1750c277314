import Foundation

/// What a test found out about a compute unit.
public enum UnitStatus: String, Sendable, Codable {
  case passed, failed, error
}

/// What a verdict holds for: with another key everything is tested again.
public struct SelfTestKey: Sendable, Equatable, Codable {
  public let appVersion: String
  public let modelSha256: String
  public let system: String

  public init(appVersion: String, modelSha256: String, system: String) {
    self.appVersion = appVersion
    self.modelSha256 = modelSha256
    self.system = system
  }
}

/// The verdict of one unit.
public struct UnitResult: Sendable, Equatable {
  public let unit: String
  public let status: UnitStatus
  /// The largest difference of an output; `nil` where one is not finite, or none was computed.
  public let largest: Double?
  /// Why it did not pass.
  public let reason: String
  /// Positions in the bundle's golden set of what was run, and the outputs; `nil` after an error.
  public let vectors: [Int]
  public let outputs: [[Double]]?
  /// What ran the model, such as `Core ML, cpuOnly`.
  public let runtime: String
  /// Of an inference, in ms; `nil` where it was not measured.
  public internal(set) var medianMilliseconds: Double?
  /// How often it ended in an error under this key.
  public internal(set) var errors = 0

  func withError(_ reason: String) -> UnitResult {
    UnitResult(
      unit: unit, status: .error, largest: nil, reason: reason, vectors: vectors, outputs: nil,
      runtime: runtime, errors: errors + 1)
  }
}

/// Golden windows, which the model has to answer on this device before its first decision:
/// `selftest.json`.
public struct SelfTest: Sendable, Decodable {
  struct Artifact: Sendable, Codable, Equatable {
    let name, sha256: String
  }

  struct Vector: Sendable, Decodable {
    let vector: Int
    var input: [Float] = []
    let expected: [Double]
  }

  /// Of a model with several outputs: how many of the numbers belong to one.
  struct Output: Sendable, Decodable {
    let size: Int
    let tolerance: Double
  }

  private static let mostInferences = 49
  private static let rounds = 8
  private static let margin = 0.3
  private static let leastGain = 1.0
  private static let interrupted = "the app ended while it was tested"

  let format: String
  let schemaVersion: Int
  let artifact: Artifact
  let golden: String
  let tolerance: Double
  let vectors: [Vector]
  /// `nil`: there is one output.
  var outputs: [Output]?

  /// - Throws: ``RecognitionError/noSelfTest(_:)`` where the text is something else.
  public init(_ data: Data) throws {
    do {
      let decoder = JSONDecoder()
      decoder.keyDecodingStrategy = .convertFromSnakeCase
      self = try decoder.decode(SelfTest.self, from: data)
    } catch {
      throw RecognitionError.noSelfTest("\(error)")
    }
    guard format == "edgeconv-self-test", schemaVersion == 1, !vectors.isEmpty else {
      throw RecognitionError.noSelfTest("\(format) \(schemaVersion), \(vectors.count) vectors")
    }
  }

  init(tolerance: Double, vectors: [Vector]) {
    (format, schemaVersion, golden) = ("edgeconv-self-test", 1, "")
    artifact = Artifact(name: "", sha256: "")
    self.tolerance = tolerance
    self.vectors = vectors
  }

  /// Tests every unit that has no verdict for this key, or an error that may have passed.
  ///
  /// - Parameters:
  ///   - units: those that the app allows; the first is the fallback.
  ///   - before: the record that was kept.
  ///   - keep: stores the record, before a unit is opened and after its test.
  ///   - open: gives what runs the model on a unit.
  func run(
    on units: [String], key: SelfTestKey, before: SelfTestRecord?,
    isolation: isolated (any Actor)? = #isolation,
    keep: (SelfTestRecord) -> Void,
    open: (String) async throws -> any Engine
  ) async -> SelfTestRecord {
    precondition(!units.isEmpty && !vectors.isEmpty)
    var record = before?.key == key ? before ?? SelfTestRecord(key: key) : SelfTestRecord(key: key)
    if let unit = record.testing, unit != units[0] {
      var result = error(of: unit, [], Self.interrupted, unit)
      result.errors = SelfTestRecord.mostErrors
      record.put(result)
    }
    record.testing = nil
    let count = max(1, min(vectors.count, Self.mostInferences / units.count))
    let chosen = Array(vectors.prefix(count))
    for unit in units where record.isDue(unit, fallback: units[0]) {
      let errors = record.result(of: unit)?.errors ?? 0
      var result: UnitResult
      record.testing = unit
      keep(record)
      var runtime = unit
      do {
        let engine = try await open(unit)
        runtime = "\(engine.runtime), \(unit)"
        var outputs: [[Double]] = []
        for vector in chosen { outputs.append(try await engine.outputs(for: vector.input)) }
        result = judge(outputs, of: unit, runtime, for: chosen)
        result.errors = errors
      } catch {
        result = self.error(of: unit, chosen.map(\.vector), error.localizedDescription, runtime)
        result.errors = errors + 1
      }
      record.put(result)
      keep(record)
    }
    return record
  }

  private func error(
    of unit: String, _ vectors: [Int], _ reason: String, _ runtime: String
  ) -> UnitResult {
    UnitResult(
      unit: unit, status: .error, largest: nil, reason: reason, vectors: vectors, outputs: nil,
      runtime: runtime)
  }

  private func judge(
    _ outputs: [[Double]], of unit: String, _ runtime: String, for vectors: [Vector]
  ) -> UnitResult {
    func result(_ status: UnitStatus, _ largest: Double?, _ reason: String) -> UnitResult {
      UnitResult(
        unit: unit, status: status, largest: largest, reason: reason,
        vectors: vectors.map(\.vector), outputs: outputs, runtime: runtime)
    }
    var largest = 0.0
    // A difference counts more where an output's own tolerance is smaller.
    let weights = self.outputs?.flatMap { output in
      Array(repeating: tolerance / output.tolerance, count: output.size)
    }
    for (vector, row) in zip(vectors, outputs) {
      let weights = weights ?? Array(repeating: 1, count: row.count)
      guard row.count == vector.expected.count, row.count == weights.count else {
        return result(
          .failed, nil,
          "vector \(vector.vector): \(row.count) outputs instead of \(vector.expected.count)")
      }
      guard row.allSatisfy(\.isFinite) else {
        return result(.failed, nil, "vector \(vector.vector): an output is not finite")
      }
      for (place, value) in row.enumerated() {
        largest = max(largest, abs(value - vector.expected[place]) * weights[place])
      }
    }
    return largest <= tolerance
      ? result(.passed, largest, "")
      : result(.failed, largest, "off by \(largest), at most \(tolerance)")
  }

  /// Times of every passing unit, in turns so that heat and clock changes meet all alike.
  ///
  /// - Parameter time: how long the unit takes for a vector, in ms.
  /// - Returns: by unit; what was thrown where a unit failed now.
  func measure(
    _ units: [String], isolation: isolated (any Actor)? = #isolation,
    time: (String, Vector) async throws -> Double
  ) async -> [String: Result<[Double], any Error>] {
    var times = Dictionary(
      uniqueKeysWithValues: units.map { ($0, Result<[Double], any Error>.success([])) })
    for round in 0..<Self.rounds {
      let vector = vectors[round % vectors.count]
      for unit in units {
        guard case .success(let before)? = times[unit] else { continue }
        do {
          times[unit] = .success(before + [try await time(unit, vector)])
        } catch {
          times[unit] = .failure(error)
        }
      }
    }
    return times
  }

  /// The unit that runs the model, and the median of each.
  ///
  /// - Parameters:
  ///   - units: those that the app allows; the first is the fallback, which is used unless another
  ///     is clearly faster.
  ///   - times: in ms, of the units that passed; the first round warms up and does not count.
  static func choose(
    _ units: [String], times: [String: [Double]]
  ) -> (chosen: String, medians: [String: Double]) {
    let medians = times.mapValues { median(Array($0.dropFirst())) }
    let passing = units.filter { medians[$0] != nil }
    var fastest = passing[0]
    for unit in passing where medians[unit]! < medians[fastest]! { fastest = unit }
    if let fallback = medians[units[0]] {
      let gain = fallback - medians[fastest]!
      if !(gain > max(margin * fallback, leastGain)) { return (units[0], medians) }
    }
    return (fastest, medians)
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let half = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2
  }
}
