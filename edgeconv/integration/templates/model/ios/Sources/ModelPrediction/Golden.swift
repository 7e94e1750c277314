import Foundation

/// `golden.json`: samples with what edgeconv got for them from the same file.
public struct Golden: Decodable, Sendable {
  public struct Text: Decodable, Sendable {
    public let text: String
    public let tokens: [Int32]
  }

  public let golden: String
  /// Each vector flat, by the model's own names.
  public let inputs, expected: [String: [[Double]]]
  /// The class of each vector by output, where the model has class names.
  public let labels: [String: [String]]
  /// The largest difference that another device explains, by output.
  public let tolerance: [String: Double]
  /// Texts and their tokens, where the model reads words.
  public let texts: [Text]?

  public init(_ data: Data) throws {
    self = try JSONDecoder().decode(Golden.self, from: data)
  }

  public var count: Int { expected.values.first?.count ?? 0 }

  /// The inputs of one vector under the model's own names.
  public func inputs(of vector: Int) -> Tensors {
    Self.tensors(Contract.inputs, inputs, vector)
  }

  /// What edgeconv got for them.
  public func expected(of vector: Int) -> Tensors {
    Self.tensors(Contract.outputs, expected, vector)
  }

  /// Every vector through the model.
  public func run(_ runner: ModelRunner) async throws -> [Tensors] {
    var found: [Tensors] = []
    for vector in 0..<count { found.append(try await runner.run(inputs(of: vector))) }
    return found
  }

  /// Every number that is farther from the expected one than its output's tolerance.
  public func deviations(_ found: [Tensors]) -> [String] {
    var deviations: [String] = []
    for (vector, outputs) in found.enumerated() {
      for spec in Contract.outputs {
        let given = outputs[spec.name]?.numbers ?? []
        let wanted = expected[spec.name]?[vector] ?? []
        if given.count != wanted.count {
          deviations.append("\(spec.name), vector \(vector): \(given.count) values")
        }
        for (place, (one, other)) in zip(given, wanted).enumerated()
        where !(abs(one - other) <= tolerance[spec.name] ?? 0) {
          deviations.append("\(spec.name)[\(place)], vector \(vector): \(one), not \(other)")
        }
      }
    }
    return deviations
  }

  /// The results file that `edgeconv golden check BUNDLE FILE` judges.
  public func results(
    _ found: [Tensors], device: String, runtime: String, system: String
  ) throws -> Data {
    var outputs: [String: [[Double]]] = [:]
    for spec in Contract.outputs {
      outputs[spec.name] = found.map { $0[spec.name]?.numbers ?? [] }
    }
    let result = Results.Result(
      artifact: Contract.artifact, sha256: Contract.sha256, runtime: runtime, outputs: outputs)
    let document = Results(
      golden: golden, device: ["model": device, "system": system], results: [result])
    return try JSONEncoder().encode(document)
  }

  private struct Results: Encodable {
    struct Result: Encodable {
      let artifact, sha256, runtime: String
      let outputs: [String: [[Double]]]
    }

    enum CodingKeys: String, CodingKey {
      case format
      case version = "schema_version"
      case golden, device, results
    }

    let format = "edgeconv-golden-results"
    let version = 1
    let golden: String
    let device: [String: String]
    let results: [Result]
  }

  private static func tensors(
    _ specs: [TensorSpec], _ columns: [String: [[Double]]], _ vector: Int
  ) -> Tensors {
    var tensors = Tensors()
    for spec in specs {
      let row = columns[spec.name]?[vector] ?? []
      tensors[spec.name] = spec.ints ? .ints(row.map { Int32($0) }) : .floats(row.map(Float.init))
    }
    return tensors
  }
}
