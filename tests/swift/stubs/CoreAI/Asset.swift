// How the stub behaves, which tests decide. Apple's module has nothing of this.

/// The one file that the stub opens, whatever its name.
public final class Asset: @unchecked Sendable {
  public static let file = Asset()

  public var metadata: [String: AIModelAsset.Metadata.CreatorDefinedValue] = [:]
  public var function = "main"
  /// The outputs for the values of an input, each under its name. They are handed out with a gap
  /// after each number, as a compute unit may.
  public var answer: (([String: [Float]], SpecializationOptions) throws -> [String: [Float]])?

  func run(
    _ inputs: [String: NDArray], _ options: SpecializationOptions
  ) throws -> [String: NDArray] {
    let outputs = try answer?(inputs.mapValues(\.elements), options) ?? [:]
    return outputs.mapValues { row in
      NDArray(row.flatMap { [$0, .nan] }, [1, row.count], strides: [2 * row.count, 2])
    }
  }
}
