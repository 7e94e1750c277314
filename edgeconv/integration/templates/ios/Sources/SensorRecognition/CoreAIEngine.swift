#if canImport(CoreAI)
  import CoreAI
  import Foundation
  import SensorStreaming

  /// The model on Core AI, from iOS 27 on.
  @available(iOS 27, macOS 27, watchOS 27, tvOS 27, visionOS 27, *)
  struct CoreAIEngine: Engine {
    let runtime = "Core AI"
    private let function: InferenceFunction

    /// Opens an `.aimodel`. Core AI keeps what it makes of it for this device.
    ///
    /// - Throws: ``RecognitionError/wrongModel(_:)`` where the file's own contract is another one,
    ///   or Core AI's error.
    init(contentsOf url: URL, computeUnits: ComputeUnits) async throws {
      let fields = try AIModelAsset(contentsOf: url).metadata.creatorDefinedMetadata
      if case .string(let text)? = fields[FileContract.key] {
        try FileContract.check(text)
      } else {
        try FileContract.check(nil)
      }
      let model = try await AIModel(contentsOf: url, options: computeUnits.coreAI)
      guard let function = try model.loadFunction(named: "main") else {
        throw RecognitionError.wrongModel("it has no function main")
      }
      self.function = function
    }

    func outputs(for values: [Float]) async throws -> [Double] {
      try await answer(for: values).outputs
    }

    func answer(for values: [Float]) async throws -> ModelAnswer {
      let input = NDArray(scalars: values, shape: [1, values.count])
      var outputs = try await function.run(inputs: [Contract.input: input])
      let row = try Self.numbers(
        outputs.remove(Contract.output)?.ndArray, of: Contract.output, Contract.labels.count)
      if Contract.embedding == 0 { return ModelAnswer(outputs: row) }
      let embedding = try Self.numbers(
        outputs.remove("embedding")?.ndArray, of: "embedding", Contract.embedding)
      return ModelAnswer(outputs: row, embedding: embedding)
    }

    private static func numbers(
      _ array: NDArray?, of name: String, _ count: Int
    ) throws -> [Double] {
      guard let array, array.scalarType == .float32 else {
        throw RecognitionError.wrongOutput(name)
      }
      let numbers = array.view(as: Float.self).withUnsafePointer { place, shape, strides in
        // One row; its numbers need not lie side by side.
        let last = shape.count - 1
        return (0..<(last < 0 ? 0 : shape[last])).map { Double(place[$0 * strides[last]]) }
      }
      guard numbers.count == count else { throw RecognitionError.wrongOutput(name) }
      return numbers
    }
  }
#endif
