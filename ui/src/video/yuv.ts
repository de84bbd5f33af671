/** Draws I420 pictures with WebGL2: three luminance textures, BT.709 limited range in the fragment shader. */

const VERTEX = `#version 300 es
out vec2 at;
void main() {
  vec2 corner = vec2(gl_VertexID & 1, gl_VertexID >> 1);
  at = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
uniform sampler2D luma, cb, cr;
in vec2 at;
out vec4 colour;
void main() {
  float y = 1.164384 * (texture(luma, at).r - 0.0627451);
  float u = texture(cb, at).r - 0.5019608;
  float v = texture(cr, at).r - 0.5019608;
  colour = vec4(y + 1.792741 * v, y - 0.213249 * u - 0.532909 * v, y + 2.112402 * u, 1.0);
}`;

export class YuvPainter {
  readonly #gl: WebGL2RenderingContext;
  readonly #textures: WebGLTexture[];
  #width = 0;
  #height = 0;

  /** Null where WebGL2 is missing or the shader does not build. */
  static open(canvas: HTMLCanvasElement): YuvPainter | null {
    let gl: WebGL2RenderingContext | null = null;
    try {
      // preserveDrawingBuffer: the last picture must survive while frozen, and be readable for tests.
      gl = canvas.getContext("webgl2", { alpha: false, antialias: false, depth: false, preserveDrawingBuffer: true });
      return gl ? new YuvPainter(gl) : null;
    } catch {
      gl?.getExtension("WEBGL_lose_context")?.loseContext();
      return null;
    }
  }

  private constructor(gl: WebGL2RenderingContext) {
    this.#gl = gl;
    const program = gl.createProgram();
    for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]] as const) {
      const shader = gl.createShader(type);
      if (!shader) throw new Error("no shader");
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    if (!gl.getProgramParameter(program, gl.LINK_STATUS)) {
      throw new Error(gl.getProgramInfoLog(program) ?? "the program does not link");
    }
    gl.useProgram(program);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    this.#textures = ["luma", "cb", "cr"].map((name, unit) => {
      const texture = gl.createTexture();
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      for (const [key, value] of [
        [gl.TEXTURE_MIN_FILTER, gl.LINEAR],
        [gl.TEXTURE_MAG_FILTER, gl.LINEAR],
        [gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE],
        [gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE],
      ] as const) {
        gl.texParameteri(gl.TEXTURE_2D, key, value);
      }
      gl.uniform1i(gl.getUniformLocation(program, name), unit);
      return texture;
    });
  }

  paint(data: Uint8Array, width: number, height: number): void {
    const gl = this.#gl;
    const [half, low] = [(width + 1) >> 1, (height + 1) >> 1];
    const fresh = width !== this.#width || height !== this.#height;
    [this.#width, this.#height] = [width, height];
    let start = 0;
    this.#textures.forEach((texture, unit) => {
      const [w, h] = unit === 0 ? [width, height] : [half, low];
      const plane = data.subarray(start, start + w * h);
      start += w * h;
      gl.activeTexture(gl.TEXTURE0 + unit);
      gl.bindTexture(gl.TEXTURE_2D, texture);
      if (fresh) gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, w, h, 0, gl.RED, gl.UNSIGNED_BYTE, plane);
      else gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, w, h, gl.RED, gl.UNSIGNED_BYTE, plane);
    });
    this.repaint();
  }

  /** Draws what was uploaded last. */
  repaint(): void {
    const gl = this.#gl;
    gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
  }

  close(): void {
    for (const texture of this.#textures) this.#gl.deleteTexture(texture);
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}
