// How the stub behaves, which tests decide. Apple's module has nothing of this.
import Foundation

/// The one file that the stub opens, whatever its name. It answers what `stream.json` has on record
/// unless a test says something else.
public final class Model: @unchecked Sendable {
  public static let file = Model()

  public struct Feature: Sendable {
    let shape: [Int]
    let ints: Bool
    public init(shape: [Int], ints: Bool) { (self.shape, self.ints) = (shape, ints) }
  }

  public struct Damaged: Error {
    public init() {}
  }

  public var metadata: [String: String]?
  public var inputs: [String: Feature] = [:]
  public var outputs: [String: Feature] = [:]
  /// The outputs for a window on these units, by class, where it is a classifier.
  public var classify: (([Float], MLComputeUnits) throws -> [String: [String: Double]])?
  /// The outputs of any other model on these units.
  public var run: ((any MLFeatureProvider, MLComputeUnits) throws -> [String: MLMultiArray])?
  public private(set) var compiled = 0
  public private(set) var opened: [URL] = []

  var fields: [String: String] { metadata ?? recorded.metadata }
  private lazy var recorded = Recorded()

  func predict(
    _ input: any MLFeatureProvider, _ units: MLComputeUnits
  ) throws -> any MLFeatureProvider {
    if let run { return try MLDictionaryFeatureProvider(dictionary: run(input, units)) }
    let name = inputs.keys.first ?? "sensor"
    let values = input.featureValue(for: name)?.multiArrayValue
      .map { MLShapedArray<Float>(converting: $0).scalars }
    let answers = try (classify ?? recorded.classify)(values ?? [], units)
    return try MLDictionaryFeatureProvider(
      dictionary: answers.mapValues { byLabel in
        MLFeatureValue(
          dictionary: [AnyHashable: NSNumber](
            uniqueKeysWithValues: byLabel.map { ($0.key, NSNumber(value: $0.value)) }))
      })
  }

  func open(_ url: URL) throws {
    opened.append(url)
    // A file that was compiled here says what it is.
    let mark = url.appendingPathComponent("compiled")
    let text = try? String(contentsOf: mark, encoding: .utf8)
    if let text, text != "whole" { throw Damaged() }
  }

  func compile(_ url: URL) throws -> URL {
    compiled += 1
    let folder = FileManager.default.temporaryDirectory
      .appendingPathComponent("\(UUID().uuidString).mlmodelc")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try "whole".write(
      to: folder.appendingPathComponent("compiled"), atomically: true, encoding: .utf8)
    return folder
  }
}

/// What the reference answered to the windows of the package's own streams.
private struct Recorded {
  private let windows: [(values: [Float], outputs: [Double])]
  private let labels: [String]
  let metadata: [String: String]

  private struct NoSuchWindow: Error {}

  init() {
    let path = "package/Tests/SensorRecognitionTests/Resources/stream.json"
    let data = FileManager.default.contents(atPath: path) ?? Data("{}".utf8)
    let document = try? JSONSerialization.jsonObject(with: data) as? [String: Any]
    var contract = document?["contract"] as? [String: Any] ?? [:]
    labels = contract["labels"] as? [String] ?? []
    contract["layout"] = "time-major"
    contract["sensor"] = "ios"
    let text = try? JSONSerialization.data(withJSONObject: contract)
    metadata = ["com.edgeconv.contract": String(decoding: text ?? Data(), as: UTF8.self)]
    let streams = document?["streams"] as? [[String: Any]] ?? []
    windows = streams.flatMap { stream in
      let expected = stream["expected"] as? [String: Any]
      return (expected?["windows"] as? [[String: Any]] ?? []).map { window in
        (
          (window["values"] as? [Double] ?? []).map(Float.init),
          window["outputs"] as? [Double] ?? []
        )
      }
    }
  }

  func classify(_ values: [Float], _: MLComputeUnits) throws -> [String: [String: Double]] {
    let near = windows.first { window in
      zip(window.values, values).allSatisfy { abs($0 - $1) < 1e-3 }
    }
    guard let near else { throw NoSuchWindow() }
    return ["probabilities": Dictionary(uniqueKeysWithValues: zip(labels, near.outputs))]
  }
}
