import Foundation
import SensorStreaming

/// Why a personal layer changes answers, or why it does not.
public enum PersonalState: String, Sendable, Codable {
  case on
  /// Nothing is enrolled.
  case empty
  /// There is nothing to tell it from.
  case oneActivity = "one_activity"
  /// The model is right as often on what is enrolled, or more often on one activity of it.
  case noGain = "no_gain"
}

/// Why a stored layer was not read. The layer is then empty, and the user enrolls again.
public enum PersonalError: Error, Equatable, LocalizedError {
  /// It was made with another file of the model: embeddings of two files do not compare.
  case otherModel
  case damaged(String)

  public var errorDescription: String? {
    switch self {
    case .otherModel: "What was learned belongs to another file of the model: enroll again."
    case .damaged(let reason): "What was learned cannot be read: \(reason)."
    }
  }
}

/// Windows of one user whose activity is known, and what they change in a model's answers: without
/// training, and without a network.
public struct PersonalLayer: Sendable {
  struct Model: Sendable, Equatable {
    let sha256: String
    let labels: [String]
    let embedding: Int
    let logits: Bool
  }

  struct Answer: Sendable, Equatable {
    let probabilities: [Double]
    /// `nil` where the largest is less probable than was asked for, or an output is not finite.
    let label: Int?
    /// Whether the layer took part.
    let isPersonal: Bool
  }

  private struct Enrolled: Sendable {
    let label: Int
    let outputs: [Double]
    let embedding: [Double]
  }

  /// Prototypes, their common scale, and the coefficients of each, one a class.
  private struct Fitted: Sendable {
    let prototypes: [[Double]]
    let scale: Double
    let coefficients: [[Double]]
    /// Of classes a and c: whether the model nearly answered a for a window of c.
    let mistaken: [[Bool]]
  }

  private static let ridge = 0.03
  private static let strength = 2.0
  private static let floor = 1e-6
  private static let mostWindows = 32
  private static let close = 0.9
  private static let equal = 1e-9

  private let model: Model
  private var windows: [Enrolled] = []
  private var fitted: Fitted?
  /// Whether the layer changes answers: it must be right more often than the model, and on no
  /// activity less often.
  public private(set) var state = PersonalState.empty

  init(_ model: Model) {
    precondition(!model.labels.isEmpty && model.embedding > 0)
    self.model = model
  }

  /// Adds a window of an activity; `false`, and nothing changes, where a number is not finite.
  mutating func enroll(label: Int, outputs: [Double], embedding: [Double]) -> Bool {
    defer { judge() }
    return keep(label: label, outputs: outputs, embedding: embedding)
  }

  private mutating func keep(label: Int, outputs: [Double], embedding: [Double]) -> Bool {
    check(outputs, embedding)
    precondition(model.labels.indices.contains(label))
    guard (outputs + embedding).allSatisfy(\.isFinite) else { return false }
    if windows.count(where: { $0.label == label }) >= Self.mostWindows,
      let oldest = windows.firstIndex(where: { $0.label == label })
    {
      windows.remove(at: oldest)
    }
    windows.append(Enrolled(label: label, outputs: outputs, embedding: embedding))
    return true
  }

  /// Drops the windows of one class; `nil`: of all.
  mutating func forget(label: Int? = nil) {
    windows.removeAll { label == nil || $0.label == label }
    judge()
  }

  /// The answer for one window: the model's own, unless the layer is on.
  func answer(_ outputs: [Double], _ embedding: [Double], unsureBelow: Double) -> Answer {
    check(outputs, embedding)
    guard outputs.allSatisfy(\.isFinite) else {
      return Answer(probabilities: outputs, label: nil, isPersonal: false)
    }
    var probabilities = self.probabilities(outputs)
    var isPersonal = false
    if state == .on, let fitted, embedding.allSatisfy(\.isFinite) {
      probabilities = Self.corrected(fitted, probabilities, embedding)
      isPersonal = true
    }
    let label = Self.largest(probabilities)
    return Answer(
      probabilities: probabilities, label: probabilities[label] >= unsureBelow ? label : nil,
      isPersonal: isPersonal)
  }

  private func check(_ outputs: [Double], _ embedding: [Double]) {
    precondition(
      outputs.count == model.labels.count && embedding.count == model.embedding,
      "these are not the numbers of this file")
  }

  private mutating func judge() {
    fitted = nil
    let labels = Set(windows.map(\.label))
    guard labels.count > 1 else {
      state = labels.isEmpty ? .empty : .oneActivity
      return
    }
    let all = fit(windows)
    let personal = sharesRight(windows.indices.map { predicted($0, all) })
    let alone = sharesRight(windows.map { Self.largest(probabilities($0.outputs)) })
    let loses = zip(personal, alone).contains { $0 < $1 }
    state = !loses && Self.mean(personal) > Self.mean(alone) + Self.equal ? .on : .noGain
    if state == .on { fitted = all }
  }

  /// The class of an enrolled window, by a layer that has not seen it where its activity has another.
  private func predicted(_ place: Int, _ all: Fitted) -> Int {
    let window = windows[place]
    var fitted = all
    if windows.count(where: { $0.label == window.label }) > 1 {
      var others = windows
      others.remove(at: place)
      fitted = fit(others)
    }
    return Self.largest(
      Self.corrected(fitted, probabilities(window.outputs), window.embedding))
  }

  /// The share of windows that are right, of each enrolled activity.
  private func sharesRight(_ predicted: [Int]) -> [Double] {
    model.labels.indices.compactMap { label -> Double? in
      let mine = windows.indices.filter { windows[$0].label == label }
      guard !mine.isEmpty else { return nil }
      return Double(mine.count { predicted[$0] == label }) / Double(mine.count)
    }
  }

  private func fit(_ windows: [Enrolled]) -> Fitted {
    var prototypes: [[Double]] = []
    var residuals: [[Double]] = []
    var mistaken = model.labels.map { _ in model.labels.map { _ in false } }
    for label in model.labels.indices {
      let mine = windows.filter { $0.label == label }
      if mine.isEmpty { continue }
      prototypes.append(Self.means(mine.map(\.embedding)))
      let answers = mine.map { probabilities($0.outputs) }
      for answer in answers {
        let close = Self.close * answer[Self.largest(answer)]
        for (k, p) in answer.enumerated() where p >= close { mistaken[k][label] = true }
      }
      let means = Self.means(answers)
      residuals.append(means.enumerated().map { ($0 == label ? 1 : 0) - $1 })
    }
    let mean = Self.mean(prototypes.map { Self.product($0, $0) })
    let scale = mean == 0 ? 1 : mean
    var gram = prototypes.map { one in
      prototypes.map { Self.product(one, $0) / scale + 1 }
    }
    for place in gram.indices { gram[place][place] += Self.ridge }
    return Fitted(
      prototypes: prototypes, scale: scale, coefficients: Self.solved(gram, residuals),
      mistaken: mistaken)
  }

  private func probabilities(_ outputs: [Double]) -> [Double] {
    model.logits ? Decider.softmax(outputs) : outputs
  }

  /// Softmax of the logarithms and what the prototypes add to them; the probabilities as they are
  /// where no enrolled window backs the change.
  private static func corrected(
    _ fitted: Fitted, _ probabilities: [Double], _ embedding: [Double]
  ) -> [Double] {
    var logits = probabilities.map { log(max($0, floor)) }
    for (prototype, coefficients) in zip(fitted.prototypes, fitted.coefficients) {
      let alike = product(prototype, embedding) / fitted.scale + 1
      for (index, coefficient) in coefficients.enumerated() {
        logits[index] += alike * coefficient
      }
    }
    let moved = Decider.softmax(logits)
    let (before, after) = (largest(probabilities), largest(moved))
    return before == after || fitted.mistaken[before][after] ? moved : probabilities
  }

  /// What `gram` times it gives the residuals times the strength, by Cholesky's decomposition.
  private static func solved(_ gram: [[Double]], _ residuals: [[Double]]) -> [[Double]] {
    let count = gram.count
    var lower = gram.map { $0.map { _ in 0.0 } }
    for i in 0..<count {
      for j in 0...i {
        var rest = gram[i][j]
        for k in 0..<j { rest -= lower[i][k] * lower[j][k] }
        lower[i][j] = i == j ? rest.squareRoot() : rest / lower[j][j]
      }
    }
    var solved = residuals.map { $0.map { _ in 0.0 } }
    for column in residuals[0].indices {
      for i in 0..<count {
        var rest = strength * residuals[i][column]
        for k in 0..<i { rest -= lower[i][k] * solved[k][column] }
        solved[i][column] = rest / lower[i][i]
      }
      for i in (0..<count).reversed() {
        var rest = solved[i][column]
        for k in (i + 1)..<max(count, i + 1) { rest -= lower[k][i] * solved[k][column] }
        solved[i][column] = rest / lower[i][i]
      }
    }
    return solved
  }

  private static func means(_ rows: [[Double]]) -> [Double] {
    rows[0].indices.map { column in mean(rows.map { $0[column] }) }
  }

  private static func mean(_ values: [Double]) -> Double {
    values.reduce(0, +) / Double(values.count)
  }

  private static func product(_ a: [Double], _ b: [Double]) -> Double {
    zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
  }

  /// The first of the largest.
  private static func largest(_ values: [Double]) -> Int {
    values.indices.reduce(0) { values[$1] > values[$0] ? $1 : $0 }
  }
}

extension PersonalLayer {
  private struct File: Codable {
    static let name = "edgeconv-personal"

    struct Window: Codable {
      let label: String
      let outputs, embedding: [Double]
    }

    let format: String
    let schemaVersion: Int
    let modelSha256: String
    let labels: [String]
    let embedding: Int
    let windows: [Window]
  }

  /// What an app stores and exports: embeddings, not readings. Treat it like health data.
  public func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    encoder.outputFormatting = [.sortedKeys]
    return try encoder.encode(
      File(
        format: File.name, schemaVersion: 1, modelSha256: model.sha256, labels: model.labels,
        embedding: model.embedding,
        windows: windows.map {
          File.Window(
            label: model.labels[$0.label], outputs: $0.outputs, embedding: $0.embedding)
        }))
  }

  /// Reads what ``json()`` wrote, for the same file of the model.
  ///
  /// - Throws: ``PersonalError``.
  init(_ model: Model, json data: Data) throws {
    let decoder = JSONDecoder()
    decoder.keyDecodingStrategy = .convertFromSnakeCase
    let file: File
    do {
      file = try decoder.decode(File.self, from: data)
    } catch {
      throw PersonalError.damaged("\(error)")
    }
    guard file.format == File.name, file.schemaVersion == 1 else {
      throw PersonalError.damaged("\(file.format) \(file.schemaVersion)")
    }
    guard file.modelSha256 == model.sha256 else { throw PersonalError.otherModel }
    guard file.labels == model.labels, file.embedding == model.embedding else {
      throw PersonalError.damaged("its classes or its size are others")
    }
    self.init(model)
    for window in file.windows {
      guard let label = model.labels.firstIndex(of: window.label),
        window.outputs.count == model.labels.count, window.embedding.count == model.embedding,
        keep(label: label, outputs: window.outputs, embedding: window.embedding)
      else { throw PersonalError.damaged("a window of \(window.label)") }
    }
    judge()
  }
}

/// A model with what it learned of its user.
///
/// ```swift
/// let personal = try PersonalClassifier(classifier, restoring: stored)
/// let recognizer = Recognizer(decider: personal.decider) { try await personal.outputs(for: $0) }
/// try await personal.enroll("Walking")  // while the user walks, for some seconds
/// try await personal.enroll(nil)
/// ```
public actor PersonalClassifier {
  private let classifier: Classifier
  private var layer: PersonalLayer
  private var enrolling: Int?

  /// - Parameter data: what ``export()`` gave.
  /// - Throws: ``PersonalError``, also where the model gives no embedding.
  public init(_ classifier: Classifier, restoring data: Data? = nil) throws {
    guard Contract.embedding > 0 else {
      throw PersonalError.damaged("the model gives no embedding: export it with --embedding")
    }
    self.classifier = classifier
    let model = PersonalLayer.Model(
      sha256: classifier.sha256, labels: Contract.labels, embedding: Contract.embedding,
      logits: Contract.logits)
    layer = try data.map { try PersonalLayer(model, json: $0) } ?? PersonalLayer(model)
  }

  /// Of a stream: the answers are probabilities already.
  public nonisolated var decider: Decider { Decider(logits: false) }

  /// Whether the layer changes answers, or why it does not.
  public var state: PersonalState { layer.state }

  /// Learns every window from now on as this activity; `nil` ends it.
  public func enroll(_ label: String?) throws {
    guard let label else {
      enrolling = nil
      return
    }
    guard let place = Contract.labels.firstIndex(of: label) else {
      throw PersonalError.damaged("there is no class \(label)")
    }
    enrolling = place
  }

  /// Forgets an activity; `nil`: all of them.
  public func forget(_ label: String? = nil) {
    guard let label else { return layer.forget() }
    if let place = Contract.labels.firstIndex(of: label) { layer.forget(label: place) }
  }

  /// What an app stores where it likes.
  public func export() throws -> Data { try layer.json() }

  /// The probabilities of one window; not finite where the model gave no answer.
  public func outputs(for window: Window) async throws -> [Double] {
    let answer = try await classifier.answer(for: window)
    guard answer.embedding.count == Contract.embedding else {
      throw RecognitionError.wrongOutput("embedding")
    }
    if let enrolling {
      _ = layer.enroll(label: enrolling, outputs: answer.outputs, embedding: answer.embedding)
    }
    return layer.answer(answer.outputs, answer.embedding, unsureBelow: 0).probabilities
  }
}
